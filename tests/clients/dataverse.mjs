// npm dynamics-web-api against the stand-in of Dataverse: rows, pages, FetchXML, change tracking, batches, etags.

import assert from "node:assert/strict";

import { DynamicsWebApi } from "dynamics-web-api";

import { check, side, summary } from "./stand_ins.mjs";

const { url, token } = await side("dataverse");
const client = new DynamicsWebApi({
  // Without the last stroke the client would forget the path.
  serverUrl: `${url}/`,
  dataApi: { version: "9.2" },
  onTokenRefresh: async () => token,
});

/** Returns the error of a call that must be refused. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("it was not refused");
}

await check("who am I", async () => {
  const me = await client.callFunction({ functionName: "WhoAmI" });
  assert.match(me.UserId, /^[0-9a-f-]{36}$/);
});

let contact;
await check("create with the row in the answer", async () => {
  contact = await client.create({
    collection: "contacts",
    data: { firstname: "Ann", lastname: "Foreign", emailaddress1: "ann@foreign.example" },
    returnRepresentation: true,
  });
  assert.equal(contact.lastname, "Foreign");
  assert.match(contact["@odata.etag"], /^W\/"\d+"$/);
});

await check("retrieve some columns", async () => {
  const row = await client.retrieve({ collection: "contacts", key: contact.contactid, select: ["lastname"] });
  assert.equal(row.lastname, "Foreign");
  assert.equal(row.firstname, undefined);
});

await check("update under the etag that is current, and not under an old one", async () => {
  const key = contact.contactid;
  await client.update({ collection: "contacts", key, data: { jobtitle: "CEO" }, ifmatch: contact["@odata.etag"] });
  // The client gives an update that met another version as `false`.
  const stale = await client.update({
    collection: "contacts",
    key,
    data: { jobtitle: "CFO" },
    ifmatch: contact["@odata.etag"],
  });
  assert.equal(stale, false);
  const row = await client.retrieve({ collection: "contacts", key, select: ["jobtitle"] });
  assert.equal(row.jobtitle, "CEO");
});

await check("upsert by guid: create only, then no second one", async () => {
  const key = "5f1c0000-0000-4000-8000-000000000001";
  const upsert = () =>
    client.upsert({ collection: "contacts", key, data: { lastname: "Chosen" }, ifnonematch: "*" });
  await upsert();
  await upsert();
  const all = await client.retrieveMultiple({ collection: "contacts", filter: "lastname eq 'Chosen'" });
  assert.equal(all.value.length, 1);
  await client.deleteRecord({ collection: "contacts", key });
});

await check("read all pages", async () => {
  for (let number = 0; number < 7; number += 1) {
    await client.create({ collection: "contacts", data: { lastname: `Page ${number}` } });
  }
  const filter = "startswith(lastname,'Page ')";
  const one = await client.retrieveMultiple({ collection: "contacts", filter, maxPageSize: 3, count: true });
  assert.equal(one.value.length, 3);
  assert.ok(one.oDataNextLink);
  const all = await client.retrieveAll({ collection: "contacts", filter, select: ["lastname"], maxPageSize: 3 });
  assert.equal(all.value.length, 7);
});

await check("FetchXML with a cookie over pages", async () => {
  const fetchXml =
    "<fetch count='3'><entity name='contact'><attribute name='lastname'/><order attribute='lastname'/>" +
    "<filter><condition attribute='lastname' operator='like' value='Page %'/></filter></entity></fetch>";
  // The service sends the cookie to those who ask for annotations.
  const includeAnnotations = "*";
  const first = await client.fetch({ collection: "contacts", fetchXml, pageNumber: 1, includeAnnotations });
  assert.equal(first.value.length, 3);
  assert.ok(first.PagingInfo.cookie);
  const all = await client.fetchAll({ collection: "contacts", fetchXml, includeAnnotations });
  assert.deepEqual(all.value.map((row) => row.lastname), [0, 1, 2, 3, 4, 5, 6].map((n) => `Page ${n}`));
});

await check("change tracking: a change and a delete come with the delta link", async () => {
  const tracked = { collection: "contacts", select: ["lastname"], trackChanges: true };
  let page = await client.retrieveMultiple(tracked);
  while (page.oDataNextLink) {
    page = await client.retrieveMultiple(tracked, page.oDataNextLink);
  }
  assert.ok(page.oDataDeltaLink);
  const made = await client.create({ collection: "contacts", data: { lastname: "Tracked" } });
  await client.deleteRecord({ collection: "contacts", key: contact.contactid });
  const changes = await client.retrieveMultiple(tracked, page.oDataDeltaLink);
  assert.ok(changes.value.some((row) => row.lastname === "Tracked" && row.contactid === made));
  const gone = changes.value.find((row) => row.reason === "deleted");
  assert.ok(JSON.stringify(gone).includes(contact.contactid), JSON.stringify(changes.value));
});

await check("an appointment with its parties, expanded", async () => {
  const me = await client.callFunction({ functionName: "WhoAmI" });
  const id = await client.create({
    collection: "appointments",
    data: {
      subject: "Foreign talk",
      scheduledstart: "2030-01-07T10:00:00Z",
      scheduledend: "2030-01-07T11:00:00Z",
      appointment_activity_parties: [
        { "partyid_systemuser@odata.bind": `/systemusers(${me.UserId})`, participationtypemask: 7 },
        { addressused: "guest@foreign.example", participationtypemask: 5 },
      ],
    },
  });
  const row = await client.retrieve({
    collection: "appointments",
    key: id,
    select: ["subject", "scheduledstart"],
    expand: [{ property: "appointment_activity_parties", select: ["addressused", "participationtypemask"] }],
  });
  assert.equal(new Date(row.scheduledstart).toISOString(), "2030-01-07T10:00:00.000Z");
  const masks = row.appointment_activity_parties.map((party) => party.participationtypemask);
  assert.ok(masks.includes(5) && masks.includes(7), JSON.stringify(row));
  await client.deleteRecord({ collection: "appointments", key: id });
});

await check("a batch with a change set, and one that is refused as a whole", async () => {
  client.startBatch();
  client.create({ collection: "contacts", data: { lastname: "Batch 1" } });
  client.create({ collection: "contacts", data: { lastname: "Batch 2" } });
  const made = await client.executeBatch();
  assert.equal(made.length, 2);
  client.startBatch();
  client.create({ collection: "contacts", data: { lastname: "Batch 3" } });
  client.create({ collection: "contacts", data: { nosuchcolumn: "x" } });
  await refused(client.executeBatch());
  const rows = await client.retrieveMultiple({ collection: "contacts", filter: "startswith(lastname,'Batch ')" });
  assert.equal(rows.value.length, 2);
});

await check("a batch of reads with continue on error", async () => {
  client.startBatch();
  client.retrieveMultiple({ collection: "contacts", select: ["lastname"], top: 1, inChangeSet: false });
  client.retrieve({ collection: "contacts", key: contact.contactid, inChangeSet: false });
  client.retrieveMultiple({ collection: "tasks", select: ["subject"], top: 1, inChangeSet: false });
  const answers = await client.executeBatch({ continueOnError: true }).catch((errors) => errors);
  assert.equal(answers.length, 3, JSON.stringify(answers));
});

await check("what is wrong is refused with Dataverse's form of an error", async () => {
  const column = await refused(client.create({ collection: "contacts", data: { nosuchcolumn: "x" } }));
  assert.equal(column.status, 400);
  assert.match(column.code, /^0x8/);
  const row = await refused(client.retrieve({ collection: "contacts", key: contact.contactid }));
  assert.equal(row.status, 404);
  assert.equal(row.code, "0x80040217");
});

await check("as another user, by impersonation", async () => {
  const users = await client.retrieveMultiple({
    collection: "systemusers",
    select: ["azureactivedirectoryobjectid", "internalemailaddress"],
    filter: "azureactivedirectoryobjectid ne null and isdisabled eq false",
  });
  const person = users.value.find((row) => row.internalemailaddress);
  const made = await client.create({
    collection: "contacts",
    data: { lastname: "Impersonated" },
    impersonateAAD: person.azureactivedirectoryobjectid,
    returnRepresentation: true,
  });
  assert.equal(made._ownerid_value, person.systemuserid);
});

summary("dynamics-web-api");
