//! What a new organization holds: users, mailboxes, the server profile and default filters.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::core::Core;
use super::schema::{Table, col, schema};
use super::store::Row;
use super::value::Cell;
use crate::sim::directory::Person;

/// Rows of a new organization were made before any test begins.
fn founded() -> DateTime<Utc> {
    DateTime::from_timestamp(1_577_836_800, 0).unwrap_or_default()
}

impl Core {
    /// Fills the organization with its people.
    pub(super) fn found(&mut self, people: &[Person]) {
        let (organization, unit, app) = (self.organization, self.unit, self.app_user);
        self.seed("businessunit", unit, app, &[("name", Cell::text("contoso"))]);
        let settings = [
            ("name", Cell::text("contoso")),
            ("orgdborgsettings", Cell::text("<OrgSettings></OrgSettings>")),
            ("isappointmentattachmentsyncenabled", Cell::Bool(false)),
            ("appointmentricheditorexperience", Cell::Bool(false)),
            ("iscontactmailingaddresssyncenabled", Cell::Bool(false)),
            ("isassignedtaskssyncenabled", Cell::Bool(false)),
            ("appointmentricheditorexperience", Cell::Bool(false)),
            ("pastexpansionwindow", Cell::Int(3)),
            ("futureexpansionwindow", Cell::Int(24)),
            ("recurrenceexpansionsynchcreatemax", Cell::Int(15)),
            ("recurrenceexpansionjobbatchsize", Cell::Int(20)),
            ("recurrenceexpansionjobbatchinterval", Cell::Int(30)),
            ("requireapprovalforuseremail", Cell::Bool(true)),
            ("emailconnectionchannel", Cell::Int(0)),
            ("expirechangetrackingindays", Cell::Int(30)),
        ];
        self.seed("organization", organization, app, &settings);
        let client = self.guid();
        let user = [
            ("fullname", Cell::text("# Synchronization")),
            ("applicationid", Cell::Id(client)),
            ("isdisabled", Cell::Bool(false)),
            ("accessmode", Cell::Int(4)),
        ];
        self.seed("systemuser", app, app, &user);
        let profile = self.guid();
        let server = [
            ("name", Cell::text("Microsoft Exchange Online")),
            ("servertype", Cell::Int(3)),
            ("incomingcredentialretrieval", Cell::Int(2)),
            ("incomingauthenticationprotocol", Cell::Int(4)),
            ("useautodiscover", Cell::Bool(true)),
            ("maxconcurrentconnections", Cell::Int(10)),
        ];
        self.seed("emailserverprofile", profile, app, &server);
        self.add_zones();
        for (number, table) in FILTERED.into_iter().enumerate() {
            self.add_template(number, table, &default_filter(table));
        }
        for person in people {
            self.add_person(person, profile);
        }
    }

    fn add_person(&mut self, person: &Person, profile: Uuid) {
        let unit = reference("businessunit", self.unit);
        let user = [
            ("firstname", Cell::text(&person.given_name)),
            ("lastname", Cell::text(&person.surname)),
            ("fullname", Cell::text(&person.full_name())),
            ("internalemailaddress", Cell::text(&person.address)),
            ("domainname", Cell::text(&person.address)),
            ("azureactivedirectoryobjectid", Cell::Id(person.object_id)),
            ("isdisabled", Cell::Bool(false)),
            ("accessmode", Cell::Int(0)),
            ("businessunitid", unit),
            ("defaultmailbox", reference("mailbox", person.mailbox_id)),
        ];
        self.by_object.insert(person.object_id, person.user_id);
        self.seed("systemuser", person.user_id, self.app_user, &user);
        let mailbox = [
            ("name", Cell::text(&person.full_name())),
            ("emailaddress", Cell::text(&person.address)),
            ("regardingobjectid", reference("systemuser", person.user_id)),
            ("regardingobjecttypecode", Cell::text("systemuser")),
            ("emailserverprofile", reference("emailserverprofile", profile)),
            ("emailrouteraccessapproval", Cell::Int(1)),
            ("isemailaddressapprovedbyo365admin", Cell::Bool(true)),
            ("actdeliverymethod", Cell::Int(1)),
            ("incomingemaildeliverymethod", Cell::Int(0)),
            ("outgoingemaildeliverymethod", Cell::Int(0)),
            ("enabledforact", Cell::Bool(true)),
            ("actstatus", Cell::Int(1)),
            ("mailboxstatus", Cell::Int(1)),
            ("testmailboxaccesscompletedon", Cell::Time(founded())),
            ("orgmarkedasprimaryforexchangesync", Cell::Bool(true)),
            ("isactsyncorgflagset", Cell::Bool(true)),
            ("isforwardmailbox", Cell::Bool(false)),
        ];
        self.seed("mailbox", person.mailbox_id, person.user_id, &mailbox);
        let code = super::zones::code_of(&person.time_zone);
        let mut personal = vec![("synccontactcompany", Cell::Bool(true))];
        personal.extend(code.map(|code| ("timezonecode", Cell::Int(code))));
        self.seed("usersettings", person.user_id, self.app_user, &personal);
        for table in FILTERED {
            let filter = default_filter(table);
            self.add_filter(person.user_id, table, &filter);
        }
    }

    /// Adds one active Outlook filter of a user (FILT-11).
    pub(super) fn add_filter(&mut self, user: Uuid, table: &str, fetchxml: &str) {
        let id = self.guid();
        let query = [
            ("name", Cell::text(&format!("My Outlook {table}"))),
            ("fetchxml", Cell::text(fetchxml)),
            ("returnedtypecode", Cell::text(table)),
            ("querytype", Cell::Int(256)),
        ];
        self.seed("userquery", id, user, &query);
    }

    /// Stores a row as the application user did it long ago.
    pub(super) fn seed(&mut self, table: &str, id: Uuid, owner: Uuid, cells: &[(&str, Cell)]) {
        let Some(table) = schema().logical(table) else { return };
        let mut row = Row::new(table, id);
        let app = self.user_ref(self.app_user);
        row.set(col::CREATED, Some(Cell::Time(founded())));
        row.set(col::MODIFIED, Some(Cell::Time(founded())));
        row.set(col::CREATED_BY, Some(app.clone()));
        row.set(col::MODIFIED_BY, Some(app));
        if table.owned {
            row.set(col::OWNER, Some(self.user_ref(owner)));
            row.set(col::OWNING_USER, Some(self.user_ref(owner)));
            row.set(col::UNIT, Some(reference("businessunit", self.unit)));
        }
        if !table.states.is_empty() {
            row.set(col::STATE, Some(Cell::Int(0)));
            row.set(col::STATUS, table.default_status(0).map(Cell::Int));
        }
        for (name, cell) in cells {
            row.put(table, name, cell.clone());
        }
        self.store.put(table, row);
    }

    /// Changes any column, also those nobody can write; wrong names or values change nothing.
    pub(super) fn admin_set(&mut self, set: &str, id: Uuid, name: &str, value: &serde_json::Value) {
        let Some((table, row)) = self.stored(set, id) else { return };
        let mut row = row.clone();
        let Some(index) = table.column(name).or_else(|| table.by_property.get(name).copied())
        else {
            return;
        };
        let cell = self.any_cell(table, index, value);
        if cell.is_none() && !value.is_null() {
            return;
        }
        row.set(index, cell);
        self.store.put(table, row);
    }

    fn any_cell(&self, table: &Table, index: usize, value: &serde_json::Value) -> Option<Cell> {
        let column = &table.columns[index];
        let super::schema::Kind::Lookup(targets) = &column.kind else {
            return super::value::from_json(table, column, value).ok().flatten();
        };
        let id = Uuid::try_parse(value.as_str()?).ok()?;
        let known = targets
            .iter()
            .filter_map(|name| schema().logical(name))
            .find(|target| self.store.get(target, id).is_some());
        known.map(|target| Cell::Ref(id, target.index))
    }
}

/// The tables with filters (FILT-15).
const FILTERED: [&str; 8] = [
    "appointment",
    "contact",
    "task",
    "phonecall",
    "letter",
    "fax",
    "recurringappointmentmaster",
    "serviceappointment",
];

/// The filter every new user gets (FILT-13; the unpublished ones follow the same pattern).
fn default_filter(table: &str) -> String {
    let meeting = ["appointment", "recurringappointmentmaster", "serviceappointment"];
    if meeting.contains(&table) {
        return format!(
            "<fetch distinct=\"true\"><entity name=\"{table}\"><attribute name=\"activityid\"/>\
             <link-entity name=\"activityparty\" from=\"activityid\" to=\"activityid\" \
             link-type=\"inner\" alias=\"party\"><filter type=\"and\">\
             <condition attribute=\"partyid\" operator=\"eq-userid\"/>\
             <condition attribute=\"participationtypemask\" operator=\"in\"><value>5</value>\
             <value>7</value></condition></filter></link-entity></entity></fetch>"
        );
    }
    let key = if table == "contact" { "contactid" } else { "activityid" };
    format!(
        "<fetch><entity name=\"{table}\"><attribute name=\"{key}\"/><filter type=\"and\">\
         <condition attribute=\"ownerid\" operator=\"eq-userid\"/>\
         <condition attribute=\"statecode\" operator=\"eq\" value=\"0\"/></filter></entity></fetch>"
    )
}

fn reference(table: &str, id: Uuid) -> Cell {
    Cell::Ref(id, schema().logical(table).map_or(0, |table| table.index))
}
