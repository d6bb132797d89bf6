"""What a form sends, once its token is right."""

import contextlib
from collections.abc import AsyncIterator

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from loadscope.suite.web.guard import FORM_TOKEN, has_form_token
from loadscope.suite.web.site import Site

MOST_FIELDS, MOST_FILES, MOST_TEXT = 200, 8, 4 << 20


@contextlib.asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[FormData]:
    """The fields of a form of ours; its files are there for as long as the block lasts.

    Raises:
        HTTPException: 403 where its token is missing or wrong, 400 where it has too many fields.
    """
    site: Site = request.app.state.site
    sent = request.form(max_fields=MOST_FIELDS, max_files=MOST_FILES, max_part_size=MOST_TEXT)
    async with sent as form:
        field = form.get(FORM_TOKEN)
        given = (request.headers.get("x-form-token"), field if isinstance(field, str) else None)
        if not has_form_token(site, given):
            raise HTTPException(
                403, "the form is not one of this page; reload it and send it again"
            )
        yield form
