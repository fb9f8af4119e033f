"""Configuration becomes objects, here and nowhere else."""

from __future__ import annotations

import logging
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from perdure import control
from perdure.agents.amounts import whole
from perdure.agents.config.loader import load_project
from perdure.agents.project import STATE_FOLDER, ProjectConfig, Telemetry
from perdure.base.clock import Clock, SystemClock
from perdure.base.errors import ConfigError, MissingDependency
from perdure.base.ids import Ids
from perdure.base.lazy import load
from perdure.base.redaction import keep_secret, secret_fields, secrets_of
from perdure.compute.gateway import Gateway
from perdure.compute.port import Model
from perdure.compute.prices import Prices
from perdure.compute.registry import Models
from perdure.compute.transport.choosing import ChoosingTransport
from perdure.compute.transport.port import Transport
from perdure.control.runtime import Runtime
from perdure.flows.programs import FlowLibrary
from perdure.kernel.budgets import Pool
from perdure.kernel.engine import Engine
from perdure.kernel.settings import Settings
from perdure.kernel.store.port import Store
from perdure.kernel.store.sqlite import SqliteStore
from perdure.tools.fetch.lazy import LazyFetch

if TYPE_CHECKING:
    from socket import socket

    from perdure.adapters.otel.settings import Destination
    from perdure.compute.jobs.port import Provider
    from perdure.control.reloading import Reloaded
    from perdure.namespace.identity.port import Keyring
    from perdure.server.site import Site


class Served(msgspec.Struct, frozen=True):
    """A project that is being served: where, and with which token (None where everybody may come in). The socket stays
    open where the site is to begin anew, for whoever goes on with it."""

    runtime: Runtime
    url: str
    token: str | None
    site: Site
    listening: socket


def _quiet(_: str) -> None:
    pass


@asynccontextmanager
async def open(
    project: str | os.PathLike[str] = ".",
    *,
    recover: bool = False,
    store: Store | None = None,
    models: Mapping[str, Model] | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    environment: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    transport: Transport | None = None,
    providers: Sequence[Provider] = (),
    tenant: Pool | None = None,
    probe: Callable[[str], None] = _quiet,
    grace_ms: float | Callable[[], float] = 2_000,
) -> AsyncIterator[Runtime]:
    """Open a project's runtime: `async with perdure.open("folder") as rt: …`.

    State is in `folder/.perdure/`. With `recover` this process takes over every run whose worker is gone, now and from
    then on, fires what is due, and deploys the agents in `agents/` that something wakes. `tenant` is what its agents
    may spend together besides the project's budget, under an id such as `tenant:acme` that many projects of one store
    may share. `providers` do jobs of /compute beside those of models. The rest is for tests: another `store`, `models`
    that stand in for others by full name, a `clock`, `ids`, an `environment`, the kernel's `settings`, a `transport`,
    and `probe`, called at named crash points. At the end, effects and jobs under way have `grace_ms` to finish.
    """
    environment = os.environ if environment is None else environment
    clock = clock or SystemClock()
    ids = ids or Ids(clock)
    config = load_project(Path(project), environment=environment)
    keep_secret(partial(_secrets, config, environment))
    opened = store or SqliteStore.open(_database(config), probe=probe)
    transport = transport or ChoosingTransport(environment)
    prices = Prices(config.prices)
    registry = Models(
        transport=transport,
        clock=clock,
        chance=random.random,
        environment=environment,
        settings={name: msgspec.structs.asdict(said) for name, said in config.providers.items()},
        given=models,
    )
    gateway = Gateway(registry, prices, clock)
    library = FlowLibrary(config, gateway=gateway, fetch=LazyFetch(), environment=environment, read=opened.spec)
    settings = settings or Settings(recover=recover)
    traces = _traces(config, environment)
    settings = msgspec.structs.replace(
        settings, pools=(*settings.pools, *_pools(config, tenant)), traced=settings.traced or traces is not None
    )
    engine = Engine(
        opened,
        library,
        clock=clock,
        ids=ids,
        project=config.root,
        settings=settings,
        probe=probe,
        planner=import_module("perdure.agents.schedules").plan if settings.recover else None,
    )
    runtime = Runtime(
        config,
        engine,
        library,
        clock=clock,
        ids=ids,
        environment=environment,
        keyring=partial(_keyring, config),
        providers=providers,
    )
    try:
        async with _watched(engine, config.telemetry, traces):
            try:
                await engine.start()
                if recover:
                    await control.deploying.deploy_project(runtime)
                    await runtime.topics.start()
                    await runtime.drivers.start()
                    await runtime.jobs.recover()
                yield runtime
            finally:
                grace = grace_ms() if callable(grace_ms) else grace_ms
                began = clock.now()
                await runtime.close(grace)
                await engine.close(max(0, grace - (clock.now() - began)))
    finally:
        await transport.close()
        if store is None:
            await opened.close()


@asynccontextmanager
async def serve(
    project: str | os.PathLike[str] = ".",
    *,
    host: str | None = None,
    port: int | None = None,
    tls: tuple[Path, Path] | None = None,
    insecure: bool = False,
    listening: socket | None = None,
    files: Sequence[Path] = (),
    report: Callable[[str], None] = _quiet,
    **more: Any,
) -> AsyncIterator[Served]:
    """Open a project's runtime with `recover`, and serve it over HTTP; `host`, `port` and `tls` (the files of
    certificate and key) go before its settings, and port 0 takes a free one; or serve on a socket that is `listening`.
    `insecure` lets it be reached from elsewhere without TLS. `files` publish agents besides those in `agents`. Files
    are watched, as the settings say. `report` is told of defects. `more` is for `open`."""
    config = load_project(Path(project), environment=more.get("environment") or os.environ)
    settings = config.server
    host = settings.host if host is None else host
    server = import_module("perdure.server.serving")
    if tls is None and settings.tls is not None:
        tls = config.root / settings.tls.cert, config.root / settings.tls.key
    server.check_address(host, auth=settings.auth, is_private=tls is not None or insecure or settings.insecure)
    context = None if tls is None else import_module("perdure.server.tls").context_of(*tls)
    token: str | None = None
    if settings.auth == "token":
        token = import_module("perdure.server.token").read_token(config.state_folder, os.urandom)
        keep_secret(partial(iter, (token,)))
    listening = listening or server.listen(host, settings.port if port is None else port)
    log = logging.getLogger("perdure.server")
    sites: list[Site] = []
    metered = msgspec.structs.replace(more.pop("settings", None) or Settings(recover=True), metered=True)
    try:
        async with open(project, recover=True, settings=metered, grace_ms=partial(_left_of, sites), **more) as runtime:
            for file in files:
                await runtime.publish_file(file)
            if config.telemetry.logs is not None:
                report = log.error
                runtime.reloads.told.append(partial(_log_reloaded, log))
            site = import_module("perdure.server.site").Site(runtime, report=report)
            sites.append(site)
            async with server.serving(site, listening, token=token, tls=context), runtime.reloads.watching():
                url = server.url_of(listening, is_secure=tls is not None)
                log.info("serving", extra={"fields": {"url": url, "project": config.name}})
                yield Served(runtime, url, token, site, listening)
    finally:
        if not (sites and sites[0].is_restarting):
            listening.close()


def _left_of(sites: Sequence[Site]) -> float:
    """What a server that ends has left of its grace period; one that never began needs none."""
    return sites[0].left_ms if sites else 0


def _log_reloaded(log: logging.Logger, reloaded: Reloaded) -> None:
    for change in reloaded.changes:
        fields = {name: value for name, value in msgspec.structs.asdict(change).items() if value}
        log.log(logging.ERROR if change.problem else logging.INFO, "reloaded", extra={"fields": fields})


def _traces(config: ProjectConfig, environment: Mapping[str, str]) -> Destination | None:
    """Where traces go, None for nowhere: then nothing of it is imported."""
    said = config.telemetry
    if not (said.exporter or said.endpoint or any(name.startswith("OTEL_") for name in environment)):
        return None
    found: Destination | None = load("perdure.adapters.otel.settings:destination")(
        said, environment, project=config.name
    )
    return found


@asynccontextmanager
async def _watched(engine: Engine, said: Telemetry, traces: Destination | None) -> AsyncIterator[None]:
    """Logs and traces of what the engine does."""
    async with AsyncExitStack() as stack:
        if said.logs is not None:
            log = import_module("perdure.base.log")
            stack.enter_context(log.logging_to(sys.stderr, said.logs, said.level))
            await stack.enter_async_context(control.run_log.logging_runs(engine.live, engine.store))
        if traces is not None:
            await stack.enter_async_context(_telling(engine, traces))
        yield


def _secrets(config: ProjectConfig, environment: Mapping[str, str]) -> Iterator[str]:
    """The keys that the project works with, which are to appear nowhere."""
    for provider in config.providers.values():
        yield from (provider.api_key or "", *secret_fields(provider.headers))
    yield from config.telemetry.headers.values()
    yield from secrets_of(environment, config.telemetry.secrets)


def _telling(engine: Engine, to: Destination) -> AbstractAsyncContextManager[Any]:
    otel = import_module("perdure.adapters.otel.telling")
    try:
        sink = otel.sdk_sink(to, worker=engine.worker)
    except ImportError as error:
        raise MissingDependency("traces need OpenTelemetry", hint="pip install 'perdure[otel]'") from error
    found: AbstractAsyncContextManager[Any] = otel.telling(engine.live, engine.store, sink, to)
    return found


def _pools(config: ProjectConfig, tenant: Pool | None) -> list[Pool]:
    budget = config.budget
    project = Pool("project", whole(budget.per_day), whole(budget.per_month))
    return [pool for pool in (tenant, project) if pool is not None and pool.is_limited]


def _keyring(config: ProjectConfig) -> Keyring:
    keyrings = import_module("perdure.namespace.identity.keyrings")
    found: Keyring = keyrings.key_folder(config.root / STATE_FOLDER / "keys", os.urandom)
    return found


def _database(config: ProjectConfig) -> Path:
    if config.store.url is not None:
        raise ConfigError(
            f"no store for {config.store.url.partition(':')[0]}: only a SQLite file is supported yet",
            hint="Remove store.url, or set store.path.",
        )
    return config.database
