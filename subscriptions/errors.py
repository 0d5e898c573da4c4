"""What can go wrong with subscribers, their choices and messages, for people."""

from __future__ import annotations

from core.errors import HubError


class SubscriberNotFoundError(HubError):
    """There is no such subscriber, or not any more."""

    code = "subscriber_not_found"
    status = 404


class TopicNotFoundError(HubError):
    """There is no topic with the id ``values['id']``."""

    code = "topic_not_found"
    status = 404


class TopicRequiredError(HubError):
    """The topic ``values['id']`` is a duty of members and cannot be switched off by a contact of a city."""

    code = "topic_required"
    status = 409


class AddressInvalidError(HubError):
    """This is not a mail address."""

    code = "address_invalid"
    status = 422


class AddressTakenError(HubError):
    """Somebody else has this address."""

    code = "address_taken"
    status = 409


class PreferenceInvalidError(HubError):
    """A choice cannot be as it was sent; ``values['field']`` names it."""

    code = "preference_invalid"
    status = 422


class LinkExpiredError(HubError):
    """A link was used, is too old, or was never ours. The same for all three."""

    code = "link_expired"
    status = 410


class NothingToUndoError(HubError):
    """The last change was undone already, or there is none."""

    code = "nothing_to_undo"
    status = 409


class TelegramOffError(HubError):
    """The person's city does not let its staff use Telegram with the hub."""

    code = "telegram_off"
    status = 403


class HandedOverError(HubError):
    """This person has named a successor already; somebody else can only come by the team."""

    code = "handed_over"
    status = 409


class SuccessorUncheckedError(HubError):
    """The team has not looked at this successor yet."""

    code = "successor_unchecked"
    status = 403


class NotTheirCityError(HubError):
    """Only people whom their city lets do it may set its defaults."""

    code = "not_their_city"
    status = 403


class BroadcastNotFoundError(HubError):
    """There is no such broadcast."""

    code = "broadcast_not_found"
    status = 404


class FileUnreadableError(HubError):
    """A file of subscribers cannot be read; ``values['reason']`` is a key below ``import.problem``."""

    code = "subscribers_file_unreadable"
    status = 422


class FileHasProblemsError(HubError):
    """A file of subscribers has bad rows, so nothing of it was taken; ``values['count']`` of them."""

    code = "subscribers_file_has_problems"
    status = 422


class EventNotFoundError(HubError):
    """There is no such event."""

    code = "event_not_found"
    status = 404
    sentence = "event.problem.not_found"


class EventInvalidError(HubError):
    """An event cannot be as it was sent; ``values['field']`` names what is wrong."""

    code = "event_invalid"
    status = 422
    sentence = "event.problem.{field}"


class RegistrationClosedError(HubError):
    """This answer is too late; ``values['why']`` is closed, over or cancelled."""

    code = "registration_closed"
    status = 409
    sentence = "event.problem.{why}"


class MembershipInvalidError(HubError):
    """Something about a city's membership cannot be as it was sent; ``values['problem']`` says what."""

    code = "membership_invalid"
    status = 422
    sentence = "membership.problem.{problem}"


class MembershipNotFoundError(HubError):
    """There is no such city, date or copy; ``values['what']`` says which."""

    code = "membership_not_found"
    status = 404
    sentence = "membership.problem.no_{what}"
