"""What can go wrong with translation, by name."""

from __future__ import annotations

from core.errors import HubError


class TranslationError(HubError):
    """No translation came out; nothing else is harmed by it."""

    code = "translation_failed"
    status = 503


class PairMissingError(TranslationError):
    """No package for these two languages is installed."""

    code = "translation_pair_missing"
    status = 409


class TranslationBusyError(TranslationError):
    """Too many texts are waiting already."""

    code = "translation_busy"


class TranslationRefusedError(TranslationError):
    """The checks found most of it wrong, so it is shown to nobody."""

    code = "translation_refused"


class PackageWrongError(HubError):
    """A file is no language package that can be used; ``values['reason']`` says why."""

    code = "translation_package_wrong"
    status = 422


class DownloadFailedError(HubError):
    """A package or the list of packages could not be fetched; ``values['reason']`` says why."""

    code = "translation_download_failed"
    status = 502


class PackageUnknownError(HubError):
    """The list of packages has none between this language and English."""

    code = "translation_package_unknown"
    status = 404
