"""What is decided about a request before anything is done: plain functions over plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from perdure.base.errors import ApprovalRequired, BudgetExceeded, IdempotencyRequired, MaxCostRequired, UnpricedModel
from perdure.base.money import show_money
from perdure.kernel.budgets import BudgetRules
from perdure.kernel.store.ops import ScopeLimit
from perdure.kernel.store.rows import ScopeRow

from ..policy import ComputePolicy
from ..routing import Candidate
from .allowance import room
from .request import ComputeRequest


def completed(request: ComputeRequest, policy: ComputePolicy) -> ComputeRequest:
    """The request with what the policy fills in. Raises IdempotencyRequired and MaxCostRequired."""
    if policy.require_idempotency and request.idempotency_key is None:
        raise IdempotencyRequired("the policy wants an idempotency_key in every request")
    max_cost = request.max_cost_microusd
    if max_cost is None:
        max_cost = policy.default_max_cost_microusd
    if max_cost is None and policy.require_max_cost:
        raise MaxCostRequired("the policy wants max_cost_microusd in every request")
    timeout_ms = request.timeout_ms or policy.default_timeout_ms
    return msgspec.structs.replace(request, timeout_ms=timeout_ms, max_cost_microusd=max_cost)


def to_reserve(
    candidate: Candidate, max_cost: int | None, scopes: Iterable[ScopeLimit], rows: Mapping[str, ScopeRow]
) -> int:
    """Micro-USD to set aside: the most that it may cost as estimated; where only the bill will tell, the most that the
    caller said, or else all that is left. Raises UnpricedModel where not even the bill will tell and money counts."""
    if candidate.microusd is not None:
        return candidate.microusd
    left = room(scopes, rows)
    if not candidate.is_priced:
        if left is None and max_cost is None:
            return 0
        raise UnpricedModel(f"{candidate.model} has no known price, and there is a budget", model=candidate.model)
    if max_cost is not None:
        return max_cost
    if left is None:
        return 0
    if left <= 0:
        raise BudgetExceeded(f"nothing is left for a job of {candidate.model}", model=candidate.model)
    return left


def check_threshold(reserved: int, rules: BudgetRules) -> None:
    """Raises ApprovalRequired where so much may be spent only if a person agrees: a job waits for nobody."""
    threshold = rules.approval_threshold
    if threshold is not None and reserved > threshold:
        raise ApprovalRequired(
            f"the job may cost {show_money(reserved)}, and more than {show_money(threshold)} takes a person to agree",
            amount=reserved,
            threshold=threshold,
        )
