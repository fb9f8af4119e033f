"""A job: what is kept of it, and the bodies that its files show."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from perdure.base.errors import FileNotReady
from perdure.base.usage import Usage
from perdure.kernel.failures import restored

from .request import ComputeRequest

JobStatus: TypeAlias = Literal["pending", "running", "streaming", "complete", "failed"]
OVER: tuple[JobStatus, ...] = ("complete", "failed")


class Job(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """On disk twice in its life: when it is accepted, and when it is over.

    Money is micro-USD: `reserved` was set aside for it, `cost` is what it came to, and `unknown` what it counts for
    where nobody knows that. `text` is the output as a stream shows it, `error` as `PerdureError.as_dict`.
    """

    id: str
    agent_id: str
    request: ComputeRequest
    provider: str
    model: str
    worker: str
    created_at: int
    reserved: int = 0
    unknown: int = 0
    status: JobStatus = "pending"
    ended_at: int = 0
    output: Any = None
    text: str = ""
    finish: str = ""
    usage: Usage | None = None
    cost: int = 0
    price: str = ""
    latency_ms: int = 0
    error: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @property
    def receipt(self) -> dict[str, str]:
        """What `new` answers, at once."""
        place = f"/compute/jobs/{self.id}"
        return {
            "job_id": self.id,
            "status": "pending",
            "status_path": f"{place}/status",
            "stream_path": f"{place}/stream",
            "result_path": f"{place}/result",
        }

    @property
    def standing(self) -> dict[str, Any]:
        """What `status` shows."""
        shown: dict[str, Any] = {"status": self.status}
        if self.error is not None:
            shown["error"] = self.error
        return shown

    @property
    def result(self) -> dict[str, Any]:
        """What `result` shows. Raises FileNotReady before the end, and the job's error where it failed."""
        if self.error is not None:
            raise restored(msgspec.Raw(msgspec.msgpack.encode(self.error)))
        if self.status != "complete":
            raise FileNotReady(f"the job is {self.status}")
        shown: dict[str, Any] = {"job_id": self.id, "output": self.output}
        if self.usage is not None:
            shown["usage"] = tokens(self.usage)
        return shown | {
            "cost_microusd": self.cost,
            "latency_ms": self.latency_ms,
            "provider_id": self.provider,
            "model": self.model,
        }

    @property
    def last_chunk(self) -> Chunk:
        """The end of the stream; where no piece was told before, it is all there is."""
        return Chunk(
            self.id,
            "",
            self.finish or self.status,
            None if self.usage is None else tokens(self.usage),
            error=self.error,
        )

    @property
    def whole_chunk(self) -> Chunk:
        """The whole stream in one chunk."""
        return msgspec.structs.replace(self.last_chunk, delta=self.text)


class Chunk(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a job's stream. The last one has a `finish_reason`: `complete`, `length`, `filter` or `failed`.
    `restart` says that the call is made again, and that what was said before is void."""

    job_id: str
    delta: str
    finish_reason: str | None = None
    usage: dict[str, int] | None = None
    restart: bool = False
    error: dict[str, Any] | None = None


def tokens(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
