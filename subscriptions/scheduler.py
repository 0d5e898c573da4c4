"""The duties of messages; see core.duties."""

from core.duties import LASTING, Duty, Scheduler

__all__ = ["LASTING", "Duty", "Scheduler"]
