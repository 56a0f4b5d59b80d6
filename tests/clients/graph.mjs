// npm @microsoft/microsoft-graph-client against the stand-in of Microsoft Graph: events, contacts, to-do tasks,
// delta rounds with its page iterator, batches, etags, errors.

import assert from "node:assert/strict";

import {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  FileUpload,
  LargeFileUploadTask,
  PageIterator,
} from "@microsoft/microsoft-graph-client";

import { check, door, side, summary } from "./stand_ins.mjs";

const { url, token } = await side("exchange");
// Over plain http this client sends no token and follows no absolute link, so it enters by the door with TLS.
const outside = await door(url);
const client = Client.init({
  baseUrl: outside.url.replace(/v1\.0$/, ""),
  defaultVersion: "v1.0",
  customHosts: new Set(["127.0.0.1"]),
  authProvider: (done) => done(null, token),
});
const mailbox = process.env.MAILBOX;
const user = `/users/${mailbox}`;
const at = (time) => ({ dateTime: time, timeZone: "UTC" });

/** Returns the error of a call that must be refused. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("it was not refused");
}

/** Follows a delta round with the client's own iterator. */
async function round(first) {
  const items = [];
  const iterator = new PageIterator(client, first, (item) => {
    items.push(item);
    return true;
  });
  await iterator.iterate();
  return { items, link: iterator.getDeltaLink() };
}

let event;
await check("create an event with a transaction id", async () => {
  const body = {
    subject: "Foreign talk",
    start: at("2030-01-07T10:00:00"),
    end: at("2030-01-07T11:00:00"),
    transactionId: "5f1c0000-0000-4000-8000-000000000002",
  };
  event = await client.api(`${user}/events`).header("Prefer", 'IdType="ImmutableId"').post(body);
  assert.equal(event.subject, "Foreign talk");
  assert.ok(event["@odata.etag"] && event.iCalUId);
});

await check("read some properties, in another zone and as text", async () => {
  const read = await client
    .api(`${user}/events/${event.id}`)
    .header("Prefer", 'IdType="ImmutableId", outlook.timezone="Europe/Berlin", outlook.body-content-type="text"')
    .select("subject,start,body")
    .get();
  assert.ok(read.start.dateTime.startsWith("2030-01-07T11:00:00"));
  assert.equal(read.body.contentType, "text");
  assert.equal(read.showAs, undefined);
});

await check("change it, and not under an etag that is old", async () => {
  const path = `${user}/events/${event.id}`;
  const immutable = 'IdType="ImmutableId"';
  const changed = await client
    .api(path)
    .header("Prefer", immutable)
    .header("If-Match", event["@odata.etag"])
    .patch({ location: { displayName: "Room 4" } });
  assert.equal(changed.location.displayName, "Room 4");
  const stale = client
    .api(path)
    .header("Prefer", immutable)
    .header("If-Match", event["@odata.etag"])
    .patch({ subject: "Old" });
  assert.equal((await refused(stale)).statusCode, 412);
});

await check("a window's delta round over pages, then its news", async () => {
  for (let hour = 10; hour < 15; hour += 1) {
    await client.api(`${user}/events`).post({
      subject: `Round ${hour}`,
      start: at(`2030-02-04T${hour}:00:00`),
      end: at(`2030-02-04T${hour}:30:00`),
    });
  }
  const path = `${user}/calendarView/delta?startDateTime=2030-02-01T00:00:00Z&endDateTime=2030-03-01T00:00:00Z`;
  const first = await client.api(path).header("Prefer", "odata.maxpagesize=2").get();
  assert.ok(first["@odata.nextLink"]);
  const all = await round(first);
  assert.equal(all.items.filter((item) => item.subject?.startsWith("Round ")).length, 5);
  assert.ok(all.link);
  await client.api(`${user}/events/${all.items[0].id}`).delete();
  const news = await round(await client.api(all.link).get());
  assert.ok(news.items.some((item) => item["@removed"]), JSON.stringify(news.items));
});

await check("contacts: create with an extended property, filter by it, list over pages", async () => {
  const id = "String {5f1c0000-0000-4000-8000-000000000003} Name Mark";
  for (const name of ["Ann", "Ben", "Cleo"]) {
    await client.api(`${user}/contacts`).post({
      givenName: name,
      surname: "Foreign",
      emailAddresses: [{ name, address: `${name.toLowerCase()}@foreign.example` }],
      singleValueExtendedProperties: [{ id, value: name }],
    });
  }
  const found = await client
    .api(`${user}/contacts`)
    .filter(`singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq 'Ben')`)
    .get();
  assert.equal(found.value.length, 1);
  const page = await client.api(`${user}/contacts`).top(2).get();
  const names = (await round(page)).items.map((item) => item.givenName);
  assert.ok(["Ann", "Ben", "Cleo"].every((name) => names.includes(name)), names.join());
});

await check("a contact folder's delta round", async () => {
  const all = await round(await client.api(`${user}/contactFolders/contacts/contacts/delta`).get());
  assert.ok(all.link && all.items.length >= 3);
});

await check("a to-do task: create, complete, delta, delete", async () => {
  const lists = await client.api(`${user}/todo/lists`).get();
  const list = lists.value.find((one) => one.wellknownListName === "defaultList");
  const path = `${user}/todo/lists/${list.id}/tasks`;
  const task = await client.api(path).post({
    title: "Foreign task",
    dueDateTime: at("2030-01-07T00:00:00"),
    linkedResources: [{ applicationName: "Foreign", externalId: "1", displayName: "1", webUrl: "https://foreign.example" }],
  });
  const done = await client.api(`${path}/${task.id}`).patch({ status: "completed" });
  assert.equal(done.status, "completed");
  const all = await round(await client.api(`${path}/delta`).get());
  assert.ok(all.items.some((item) => item.title === "Foreign task"));
  await client.api(`${path}/${task.id}`).delete();
  const news = await round(await client.api(all.link).get());
  assert.ok(news.items.some((item) => item["@removed"] && item.id === task.id));
});

await check("a batch whose steps depend on one another", async () => {
  const request = (method, path, body) => {
    const init = { method };
    if (body) {
      init.headers = { "Content-Type": "application/json" };
      init.body = JSON.stringify(body);
    }
    // Without the version: this client leaves it in, and Graph then finds no segment `v1.0`.
    return new Request(`https://graph.microsoft.com${path}`, init);
  };
  const content = new BatchRequestContent([
    { id: "1", request: request("POST", `${user}/contacts`, { surname: "Batched" }) },
    { id: "2", request: request("GET", `${user}/contacts?$top=1`), dependsOn: ["1"] },
    { id: "3", request: request("GET", `${user}/events/nosuchid`), dependsOn: ["2"] },
  ]);
  const answers = new BatchResponseContent(await client.api("/$batch").post(await content.getContent()));
  assert.equal(answers.getResponseById("1").status, 201);
  assert.equal(answers.getResponseById("2").status, 200);
  assert.ok([400, 404].includes(answers.getResponseById("3").status));
});

await check("a large attachment goes up in ranges", async () => {
  const size = 4 * 1024 * 1024;
  const session = await client.api(`${user}/events/${event.id}/attachments/createUploadSession`)
    .header("Prefer", 'IdType="ImmutableId"')
    .post({ AttachmentItem: { attachmentType: "file", name: "plan.bin", size } });
  const upload = { url: session.uploadUrl, expiry: new Date(session.expirationDateTime) };
  const file = new FileUpload(new Uint8Array(size).fill(7).buffer, "plan.bin", size);
  // The address carries its own permission and refuses a token: a client that knows no host sends none.
  const bare = Client.init({ authProvider: (done) => done(null, token) });
  const task = new LargeFileUploadTask(bare, file, upload, { rangeSize: 1024 * 1024 });
  await task.upload();
  const list = await client.api(`${user}/events/${event.id}/attachments`).header("Prefer", 'IdType="ImmutableId"').get();
  assert.ok(list.value.some((one) => one.name === "plan.bin"), JSON.stringify(list));
});

await check("what is wrong is refused with Graph's form of an error", async () => {
  const unknown = await refused(client.api(`${user}/events/nosuchid`).get());
  assert.ok([400, 404].includes(unknown.statusCode) && unknown.code, `${unknown.statusCode} ${unknown.code}`);
  const property = await refused(client.api(`${user}/events`).post({ nosuchproperty: 1 }));
  assert.equal(property.statusCode, 400);
  const stranger = await refused(client.api("/users/nobody@contoso.example/events").get());
  assert.equal(stranger.statusCode, 404);
});

await check("delete the event", async () => {
  await client.api(`${user}/events/${event.id}`).header("Prefer", 'IdType="ImmutableId"').delete();
});

outside.close();
summary("microsoft-graph-client");
