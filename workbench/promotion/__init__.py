"""From candidate to live: policy, gate, bundle and ledger."""

from __future__ import annotations

from workbench.promotion.gate import Contender, judge
from workbench.promotion.policy import Policy, read_policy
from workbench.promotion.promote import Promotion, promote

__all__ = ["Contender", "Policy", "Promotion", "judge", "promote", "read_policy"]
