"""Salesforce's error bodies, worded as Salesforce words them."""

from __future__ import annotations

from typing import Any

from simulator.messages import Answer, Refusal

REST_JSON = {"Content-Type": "application/json;charset=UTF-8"}


class RestRefusal(Refusal):
    """A REST error; keeps code, message and fields for the answers of collections."""

    def __init__(self, status: int, code: str, message: str, fields: list[str] | None) -> None:
        self.code, self.message, self.fields = code, message, fields
        body: dict[str, Any] = {"message": message, "errorCode": code}
        if fields is not None:
            body["fields"] = fields
        super().__init__(Answer.of_json([body], status, REST_JSON))

    @property
    def as_item(self) -> dict[str, Any]:
        """The form an error has inside the answer of a collection."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


def refusal(status: int, code: str, message: str, fields: list[str] | None = None) -> RestRefusal:
    return RestRefusal(status, code, message, fields)


def invalid_session() -> RestRefusal:
    return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


def not_found() -> RestRefusal:
    return refusal(404, "NOT_FOUND", "The requested resource does not exist")


def no_such_key(field: str) -> RestRefusal:
    message = f"Provided external ID field does not exist or is not accessible: {field}"
    return refusal(404, "NOT_FOUND", message)


def entity_is_deleted() -> RestRefusal:
    return refusal(404, "ENTITY_IS_DELETED", "entity is deleted", [])


def insufficient_access() -> RestRefusal:
    message = "insufficient access rights on object id"
    return refusal(400, "INSUFFICIENT_ACCESS_OR_READONLY", message, [])


def missing_fields(*names: str) -> RestRefusal:
    listed = ", ".join(names)
    message = f"Required fields are missing: [{listed}]"
    return refusal(400, "REQUIRED_FIELD_MISSING", message, list(names))


def integrity(message: str, *fields: str) -> RestRefusal:
    return refusal(400, "FIELD_INTEGRITY_EXCEPTION", message, list(fields))


def string_too_long(field: str, value: str, limit: int) -> RestRefusal:
    message = f"{field}: data value too large: {value} (max length={limit})"
    return refusal(400, "STRING_TOO_LONG", message, [field])


def bad_picklist_value(field: str, value: str) -> RestRefusal:
    message = f"{field}: bad value for restricted picklist field: {value}"
    return refusal(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field])


def no_such_column(field: str, entity: str) -> RestRefusal:
    message = f"No such column '{field}' on sobject of type {entity}"
    return refusal(400, "INVALID_FIELD", message)


def read_only(*fields: str) -> RestRefusal:
    listed = ", ".join(fields)
    message = (
        f"Unable to create/update fields: {listed}. Please check the security settings of this "
        "field and verify that it is read/write for your profile or permission set."
    )
    return refusal(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, list(fields))


def cannot_deserialize(kind: str, value: object) -> RestRefusal:
    message = (
        f"Cannot deserialize instance of {kind} from VALUE_STRING value {value} "
        "or request may be missing a required field"
    )
    return refusal(400, "JSON_PARSER_ERROR", message)


def malformed_json(message: str) -> RestRefusal:
    return refusal(400, "JSON_PARSER_ERROR", message)


def inactive_owner(user_id: str) -> RestRefusal:
    message = f"operation performed with inactive user [{user_id}] as owner of event"
    return refusal(400, "INACTIVE_OWNER_OR_USER", message, ["OwnerId"])


def invalid_reference(field: str) -> RestRefusal:
    return refusal(
        400, "INVALID_CROSS_REFERENCE_KEY", f"{field}: invalid cross reference id", [field]
    )


def duplicate_value(field: str, other_id: str) -> RestRefusal:
    message = f"duplicate value found: {field} duplicates value on record with id: {other_id}"
    return refusal(400, "DUPLICATE_VALUE", message, [field])


def precondition_failed() -> RestRefusal:
    message = "The record was modified since the time given in If-Unmodified-Since"
    return refusal(412, "PRECONDITION_FAILED", message)


def request_limit_exceeded() -> RestRefusal:
    return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def malformed_query(message: str) -> RestRefusal:
    return refusal(400, "MALFORMED_QUERY", message)


def invalid_field(message: str) -> RestRefusal:
    return refusal(400, "INVALID_FIELD", message)


def invalid_type(name: str) -> RestRefusal:
    return refusal(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")


def invalid_replication_date(message: str) -> RestRefusal:
    return refusal(400, "INVALID_REPLICATION_DATE", message)


def oauth_refusal(error: str, description: str, status: int = 400) -> Refusal:
    """An error of the token endpoints."""
    body = {"error": error, "error_description": description}
    return Refusal(Answer.of_json(body, status, REST_JSON))
