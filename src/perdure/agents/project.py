"""The project: one folder with one file of settings that every agent in it shares."""

# No `from __future__ import annotations`: msgspec would compile and evaluate each text again when a process starts.

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from perdure.compute.provider import ProviderSettings
from perdure.compute.spec import ModelSpec, Price

from .amounts import Duration, Money
from .lifecycle import HotReload, Lifecycle
from .section import Count, Name, Section
from .spec import Approvals, Budget, Limits

PROJECT_FILES = ("perdure.toml", "perdure.yaml", "perdure.yml")
STATE_FOLDER = ".perdure"
DATABASE = "perdure.db"


class ProjectName(Section, frozen=True):
    """Who this project is."""

    name: Name | None = None
    description: str = ""


class StoreSettings(Section, frozen=True):
    """Where durable state lives: a file (`path`, relative to the project), or a server (`url`)."""

    path: str | None = None
    url: str | None = None


class ProjectBudget(Section, frozen=True):
    """What all agents of the project together may spend."""

    per_day: Money | None = None
    per_month: Money | None = None


class TlsSettings(Section, frozen=True):
    """Files in PEM, relative to the project: the certificate with its chain, and its key."""

    cert: str
    key: str


class ServerSettings(Section, frozen=True):
    """Where `perdure serve` listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8420
    auth: Annotated[
        Literal["token", "none"], Meta(description="`none` lets everybody in, and is for loopback only.")
    ] = "token"
    hosts: Annotated[
        tuple[str, ...], Meta(description="Names that clients reach the server by, beside its address.")
    ] = ()
    origins: Annotated[
        tuple[str, ...], Meta(description="Sites whose pages may call the server, such as https://app.example.com.")
    ] = ()
    max_body: Annotated[int, Meta(ge=1_024, le=1_073_741_824, description="Most bytes of a request's body.")] = (
        33_554_432
    )
    tls: Annotated[TlsSettings | None, Meta(description="Serve HTTPS.")] = None
    insecure: Annotated[
        bool, Meta(description="Be reached from elsewhere without TLS: for a server behind a proxy that has it.")
    ] = False
    rate: Annotated[
        Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,6}/[smh]$")] | None,
        Meta(description="Most requests of each key in a second, minute or hour, such as 600/m."),
    ] = None
    in_flight: Annotated[int, Meta(ge=1, le=1_000_000, description="Most requests and streams at once.")] = 4_096


class WebhookSettings(Section, frozen=True):
    """Deliveries of one source, and how it signs them."""

    secret: Annotated[
        str | tuple[str, ...],
        Meta(description="What they are signed with, such as `${GITHUB_SECRET}`; several while it is changed."),
    ] = ()
    scheme: Annotated[
        Literal["github", "stripe", "slack", "standard", "hmac"] | None,
        Meta(description="How they are signed; where absent that of the source's name, or `standard`."),
    ] = None
    tolerance: Annotated[
        Duration | None, Meta(description="How old a delivery may be whose time is signed; 5m where absent.")
    ] = None
    header: Annotated[str, Meta(description="Of `hmac`: the header with the signature, hex of SHA-256.")] = (
        "X-Signature-256"
    )
    id_header: Annotated[
        str, Meta(description="Of `hmac`: the header that names a delivery; the same body is one where absent.")
    ] = ""
    topic: Annotated[
        str | None, Meta(description="Where deliveries to `/webhooks/SOURCE` are published, such as shop.orders.")
    ] = None
    headers: Annotated[
        tuple[str, ...], Meta(max_length=32, description="Headers that are told beside the body, where they came.")
    ] = ()


class Telemetry(Section, frozen=True):
    """Where traces go, and what is logged. Nothing is sent or logged unless this or a variable such as
    OTEL_EXPORTER_OTLP_ENDPOINT says so."""

    exporter: Annotated[
        Literal["otlp", "stdout", "none"] | None,
        Meta(description="`otlp` where an endpoint is named, else none; `stdout` prints a line of JSON for each span."),
    ] = None
    endpoint: Annotated[str | None, Meta(description="OTLP/HTTP, such as http://127.0.0.1:4318.")] = None
    headers: dict[str, str] = {}
    content: Annotated[bool, Meta(description="Whether messages and tool arguments are sent too.")] = False
    sample: Annotated[float, Meta(ge=0, le=1, description="Share of runs that are traced.")] = 1.0
    logs: Annotated[
        Literal["json", "text"] | None, Meta(description="Log to stderr, an object or a line for each event.")
    ] = None
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="What is logged, from this on.")
    ] = "info"
    secrets: Annotated[
        tuple[str, ...],
        Meta(description="Environment variables whose values nobody is to read, beside those such as `..._TOKEN`."),
    ] = ()


class TopicSettings(Section, frozen=True):
    """What holds of the topics that a pattern chooses; what is left out is as for all topics."""

    durable: Annotated[bool | None, Meta(description="Whether events are kept on disk.")] = None
    keep: Annotated[Duration | None, Meta(description="How long events are kept.")] = None
    keep_events: Annotated[Count | None, Meta(description="How many events of each topic are kept.")] = None


class SourceSettings(Section, frozen=True):
    """Something that events come from: exactly one of `websocket`, `schedule`, `every` and `file`."""

    topic: Annotated[str, Meta(description="Where its events are published.")]
    websocket: Annotated[
        Annotated[str, Meta(pattern="^wss?://")] | None, Meta(description="Address of a WebSocket server: wss://…")
    ] = None
    send: Annotated[str, Meta(description="What that is told first, such as what to subscribe to.")] = ""
    schedule: Annotated[str | None, Meta(description="A cron line, such as `0 9 * * mon`.")] = None
    every: Annotated[Duration | None, Meta(description="An interval, such as `15m`.")] = None
    timezone: Annotated[str, Meta(description="Zone of the schedule, such as `Europe/Zurich`.")] = "UTC"
    missed: Annotated[
        Literal["run_once", "skip", "catch_up"],
        Meta(description="What becomes of times that passed while nothing ran: one event for all, none, or one each."),
    ] = "run_once"
    missed_max: Annotated[int, Meta(ge=1, le=1_000, description="Most events that `catch_up` makes up for.")] = 10
    payload: Annotated[Any, Meta(description="What the events of a schedule or an interval say besides.")] = None
    file: Annotated[str | None, Meta(description="Changes of files below the project that match this pattern.")] = None


class BusSettings(Section, frozen=True):
    """What holds of topics: whether their events are kept, and how long."""

    durable: Annotated[bool, Meta(description="Whether events are kept on disk.")] = True
    keep: Annotated[Duration | None, Meta(description="How long events are kept; 7d where absent.")] = None
    keep_events: Annotated[Count | None, Meta(description="How many events of each topic are kept.")] = None
    topics: Annotated[
        dict[str, TopicSettings], Meta(description="By pattern; of several the one with most levels holds.")
    ] = {}
    sources: Annotated[dict[str, SourceSettings], Meta(description="What else events come from, by name.")] = {}


class Defaults(Section, frozen=True):
    """What every agent of the project has unless its own file says otherwise."""

    model: str | ModelSpec | None = None
    budget: Budget | None = None
    limits: Limits | None = None
    approvals: Approvals | None = None


class ProjectFile(Section, frozen=True):
    """A project, as its file describes it."""

    project: ProjectName = ProjectName()
    providers: Annotated[dict[str, ProviderSettings], Meta(description="Settings by name of provider.")] = {}
    store: StoreSettings = StoreSettings()
    budget: ProjectBudget = ProjectBudget()
    prices: Annotated[
        dict[str, Price], Meta(description="Dollars per million tokens by `provider/model`; these go first.")
    ] = {}
    server: ServerSettings = ServerSettings()
    lifecycle: Lifecycle = Lifecycle()
    hot_reload: HotReload = HotReload()
    webhooks: Annotated[dict[str, WebhookSettings], Meta(description="How deliveries are signed, by source.")] = {}
    telemetry: Telemetry = Telemetry()
    bus: BusSettings = BusSettings()
    defaults: Defaults = Defaults()


class ProjectConfig(ProjectFile, frozen=True, kw_only=True):
    """A project's settings, ready for use. `root` is its folder; `file` is None where it has no file of its own.

    `agent_defaults` are the `defaults` as they are written, variables unfilled, for the documents of its agents.
    """

    root: Path
    file: Path | None = None
    agent_defaults: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self.project.name or self.root.resolve().name or "project"

    @property
    def state_folder(self) -> Path:
        return self.root / STATE_FOLDER

    @property
    def database(self) -> Path:
        """The SQLite file; without meaning where `store.url` is set."""
        return self.root / (self.store.path or f"{STATE_FOLDER}/{DATABASE}")


def find_project_file(start: Path) -> Path | None:
    """The project file that `start` (a file or folder) belongs to, searched from there upward."""
    start = start.absolute()
    for folder in (start, *start.parents):
        found = project_file_in(folder)
        if found is not None:
            return found
    return None


def project_file_in(folder: Path, names: Sequence[str] = PROJECT_FILES) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
