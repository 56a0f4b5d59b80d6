"""PyPI msgraph-sdk against the stand-in of Microsoft Graph, over plain http to the loopback address: typed events,
calendarView delta over pages, contacts, to-do tasks, an error."""

import asyncio
import os
import sys
import time
import tomllib
import traceback
import urllib.parse
import urllib.request
import json

from azure.core.credentials import AccessToken
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.contact import Contact
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.location import Location
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.task_status import TaskStatus
from msgraph.generated.models.todo_task import TodoTask
from msgraph.generated.users.item.calendar_view.delta.delta_request_builder import DeltaRequestBuilder


def side():
    """Returns the address of the stand-in and a token bought with the secret of the tenant file."""
    with open(os.path.join(os.environ["SIM_CONFIG"], "tenants", "contoso.toml"), "rb") as file:
        exchange = tomllib.load(file)["exchange"]
    with open(exchange["client_secret"]["file"], encoding="utf-8") as file:
        secret = file.read().strip()
    form = {
        "grant_type": "client_credentials",
        "client_id": exchange["client_id"],
        "client_secret": secret,
        "scope": "https://graph.microsoft.com/.default",
    }
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(exchange["token_url"], data) as answer:
        return exchange["url"], json.load(answer)["access_token"]


class Bought:
    """A credential that is a token."""

    def __init__(self, token):
        self.token = token

    def get_token(self, *_scopes, **_options):
        return AccessToken(self.token, int(time.time()) + 3000)


def at(text):
    return DateTimeTimeZone(date_time=text, time_zone="UTC")


PASSED = []
FAILED = []


async def check(name, body):
    try:
        await body()
        PASSED.append(name)
        print(f"  ok    {name}")
    except Exception:  # each check is reported, whatever it met
        FAILED.append(name)
        print(f"  FAIL  {name}\n{traceback.format_exc()}")


async def main():
    url, token = side()
    provider = AzureIdentityAuthenticationProvider(Bought(token), scopes=["x"], allowed_hosts=["127.0.0.1"])
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = url
    user = GraphServiceClient(request_adapter=adapter).users.by_user_id(os.environ["MAILBOX"])
    kept = {}

    async def create_event():
        body = Event(subject="Typed talk", start=at("2031-01-07T10:00:00"), end=at("2031-01-07T11:00:00"))
        kept["event"] = await user.events.post(body)
        assert kept["event"].id and kept["event"].i_cal_u_id
        assert kept["event"].subject == "Typed talk"

    async def change_event():
        changed = await user.events.by_event_id(kept["event"].id).patch(Event(location=Location(display_name="Room 4")))
        assert changed.location.display_name == "Room 4"
        read = await user.events.by_event_id(kept["event"].id).get()
        assert read.location.display_name == "Room 4"
        assert read.start.date_time.startswith("2031-01-07T10:00:00")

    async def delta():
        for hour in range(10, 15):
            start, end = f"2031-02-04T{hour}:00:00", f"2031-02-04T{hour}:30:00"
            await user.events.post(Event(subject=f"Typed {hour}", start=at(start), end=at(end)))
        query = DeltaRequestBuilder.DeltaRequestBuilderGetQueryParameters(
            start_date_time="2031-02-01T00:00:00Z", end_date_time="2031-03-01T00:00:00Z"
        )
        configuration = RequestConfiguration(query_parameters=query)
        configuration.headers.add("Prefer", "odata.maxpagesize=2")
        builder = user.calendar_view.delta
        page = await builder.get(request_configuration=configuration)
        items, pages = list(page.value), 1
        while page.odata_next_link:
            page = await builder.with_url(page.odata_next_link).get()
            items += page.value
            pages += 1
        assert pages > 1 and page.odata_delta_link, pages
        assert sum((item.subject or "").startswith("Typed ") for item in items) == 5, len(items)
        await user.events.by_event_id(items[0].id).delete()
        page = await builder.with_url(page.odata_delta_link).get()
        news = list(page.value)
        while page.odata_next_link:
            page = await builder.with_url(page.odata_next_link).get()
            news += page.value
        assert any("@removed" in item.additional_data for item in news), news

    async def contacts():
        mail = EmailAddress(address="ann@typed.example", name="Ann")
        made = await user.contacts.post(Contact(given_name="Ann", surname="Typed", email_addresses=[mail]))
        listed = await user.contacts.get()
        assert any(one.id == made.id for one in listed.value)
        await user.contacts.by_contact_id(made.id).patch(Contact(job_title="CEO"))
        assert (await user.contacts.by_contact_id(made.id).get()).job_title == "CEO"
        await user.contacts.by_contact_id(made.id).delete()

    async def tasks():
        lists = (await user.todo.lists.get()).value
        default = next(one for one in lists if one.wellknown_list_name == "defaultList")
        builder = user.todo.lists.by_todo_task_list_id(default.id).tasks
        made = await builder.post(TodoTask(title="Typed task", due_date_time=at("2031-01-07T00:00:00")))
        done = await builder.by_todo_task_id(made.id).patch(TodoTask(status=TaskStatus.Completed))
        assert done.status == TaskStatus.Completed and done.completed_date_time
        await builder.by_todo_task_id(made.id).delete()

    async def error():
        try:
            await user.events.by_event_id("nosuchid").get()
        except ODataError as refused:
            assert refused.error.code and refused.response_status_code in (400, 404), refused
        else:
            raise AssertionError("it was not refused")

    async def delete_event():
        await user.events.by_event_id(kept["event"].id).delete()

    await check("create a typed event", create_event)
    await check("change it and read it again", change_event)
    await check("a window's delta round over pages, then its news", delta)
    await check("a contact: create, list, change, delete", contacts)
    await check("a to-do task: create, complete, delete", tasks)
    await check("what is wrong is a typed error", error)
    await check("delete the event", delete_event)
    print(f"msgraph-sdk: {len(PASSED)} checks passed{', some failed' if FAILED else ''}")


asyncio.run(main())
sys.exit(1 if FAILED else 0)
