"""Legal time limits for one report: what to say of them to who tells it, and the day on which the first may end.

Telling a desk stops none of them; what is known, and how it is said, is knowledge/deadlines.py.
"""

from __future__ import annotations

from datetime import date

from knowledge.deadlines import LimitArea, Limits, Said
from reports.contents import Report
from reports.intake.last_days import first_day, last_day

OF_EVERY_CASE = (LimitArea.EQUALITY_BODY_COMPLAINT, LimitArea.CRIMINAL_COMPLAINT)
"""Limits that may matter whatever the area is; said only where they are known."""

AREA_OF_REPORT = {
    "housing": LimitArea.HOUSING,
    "employment": LimitArea.EMPLOYMENT,
    "education": LimitArea.EDUCATION,
    "goods_and_services": LimitArea.GOODS_AND_SERVICES,
    "public_services": LimitArea.PUBLIC_SERVICES,
}
"""Areas of a report (steps.yaml) that the facts speak of. For the others no limit is guessed."""


class Deadlines(Limits):
    """The limits, as they matter for a report."""

    def after(self, country: str | None, area: str | None, language: str) -> Said:
        """For a report that is told: its own area's limit, or that we do not know it, then those of every case."""
        lines = [self._texts.get("report.deadline.stops_nothing", language)]
        of_report = AREA_OF_REPORT.get(area or "")
        facts = [self._facts.get((country or "", one)) for one in (of_report, *OF_EVERY_CASE) if one]
        known = [fact for fact in facts if fact and fact.told]
        if not any(fact.area is of_report for fact in known):
            lines.append(self._texts.get("report.deadline.unknown", language))
        lines += self._lines(known, language)
        return Said(lines + self._whom_to_ask(country, language), self._sources(known, language))

    def notes(self, report: Report, language: str) -> list[str]:
        """What to say of them to somebody who comes back to a report."""
        return self.after(report.country, report.area, language).lines

    def last_day(self, report: Report) -> date | None:
        """The day on which the first limit may end that is known for the report; None where nothing is known."""
        start = first_day(report.when, arrived_on=report.arrived_at.date())
        if start is None:
            return None
        areas = (AREA_OF_REPORT.get(report.area or ""), *OF_EVERY_CASE)
        facts = [self._facts.get((report.country or "", area)) for area in areas if area]
        return min((last_day(fact.told, start) for fact in facts if fact and fact.told), default=None)
