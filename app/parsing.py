"""The body of a request, read as JSON."""

import json
from typing import Any

import flask
from webargs import flaskparser


class JsonParser(flaskparser.FlaskParser):
    """webargs' parser, to which what Python cannot read as JSON is no JSON either: 400.

    Its own lets pass what is nested too deeply, an integer of thousands of digits, and NaN.
    """

    def _raw_load_json(self, req: flask.Request) -> Any:
        if not flaskparser.is_json_request(req):
            return super()._raw_load_json(req)
        try:
            return json.loads(req.get_data(cache=True).decode(), parse_constant=_no_number)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError("not to be read as JSON", "?", 0) from error


def _no_number(text: str) -> Any:
    raise ValueError(f"JSON knows no {text}")
