//! What the organization's settings decide, and the profile of a tenant file (rules.md §3).

use lockstep::domain::code::Code;
use lockstep::domain::setting::Origin;
use lockstep::engine::catalogue as rule;
use lockstep::sim::graph::MailKind;
use lockstep::sim::seed::TRACK_SIGNAL;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, id_of, person, tracked_event, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const DISTINCT: &str = "DistinctPhysicalAndLogicalDeletesForExchangeSync";

fn kinds(system: &System) -> Vec<MailKind> {
    system.mails().into_iter().map(|(kind, _)| kind).collect()
}

/// Paul invites Laura in Outlook; she tracks the meeting, he does not.
fn laura_tracks_pauls_meeting(system: &System) {
    let mut body = tracked_event("Review", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    body["attendees"] = json!([{ "type": "required",
        "emailAddress": { "address": system.address(1), "name": "Laura" } }]);
    system.new_event(0, &body);
    let copy = id_of(&system.events(1)[0]);
    system.edit_event(1, &copy, &json!({ "categories": [CATEGORY] }));
}

/// Somebody outside invites Laura, who tracks the meeting.
fn laura_tracks_an_outsiders_meeting(system: &System) {
    let mut body = tracked_event("Outside", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    let (laura, now) = (system.address(1), system.clock.now());
    let organization = system.organization();
    let sent = organization.graph().external_event("boss@fabrikam.example", &[&laura], &body, now);
    sent.expect("sent");
    let copy = id_of(&system.events(1)[0]);
    system.edit_event(1, &copy, &json!({ "categories": [CATEGORY] }));
}

#[test]
fn link_13_attendees_track_colleagues_meetings_only_if_the_organization_lets_them() {
    // Off: nothing happens to a colleague's meeting; an outsider's is tracked all the same.
    for (value, rows) in [("true", 1), ("false", 0)] {
        let system = two();
        system.setting("TrackAppointmentsFromNonOrganizer", value);
        laura_tracks_pauls_meeting(&system);
        system.settled();
        assert_eq!(system.rows("appointments").len(), rows, "{value}");
    }
    let system = two();
    system.setting("TrackAppointmentsFromNonOrganizer", "false");
    laura_tracks_an_outsiders_meeting(&system);
    system.settled();
    assert_eq!(system.rows("appointments").len(), 1);
}

#[test]
fn link_14_a_tracked_meeting_may_need_its_organizers_mailbox() {
    // Wanted and not synchronized: no row, with a reason. Synchronized, or not wanted: a row.
    for (value, served, rows) in [("true", false, 0), ("true", true, 1), ("false", false, 1)] {
        let system = two();
        system.setting("ForceOrganizerSyncForAttendeeTrackedAppointment", value);
        if !served {
            let paul = system.organization().people[0].mailbox_id;
            let mut dataverse = system.organization().dataverse();
            dataverse.admin_set("mailboxes", paul, "actdeliverymethod", json!(2));
        }
        laura_tracks_pauls_meeting(&system);
        system.settled();
        assert_eq!(system.rows("appointments").len(), rows, "{value} {served}");
        let told = system.codes().contains(&Code::OrganizerNotServed);
        assert_eq!(told, rows == 0, "{value} {served}");
    }
}

/// Paul's meeting with somebody outside, synchronized and then handed to Laura.
fn handed_to_laura(distinct: &str) -> System {
    let system = two();
    system.setting(DISTINCT, distinct);
    let guest = json!({ "addressused": "kim@fabrikam.example", "participationtypemask": 5 });
    let body = system.meeting("Review", FUTURE, &[system.party(0, 7), guest.clone()]);
    let id = system.create(0, "appointments", &body);
    system.settled();
    assert_eq!(kinds(&system), [MailKind::Invitation]);
    let laura = system.owner(1);
    system.update(0, "appointments", id, &laura);
    let parties = json!([system.party(1, 7), guest]);
    system.update(1, "appointments", id, &json!({ "appointment_activity_parties": parties }));
    system.settled();
    system
}

#[test]
fn org_03_a_new_organizer_cancels_the_old_meeting_and_holds_a_new_one() {
    // The guest is told that the one is off and invited to the other.
    let system = handed_to_laura("false");
    assert_eq!((system.events(0).len(), system.events(1).len()), (0, 1));
    assert_eq!(
        kinds(&system),
        [MailKind::Invitation, MailKind::Cancellation, MailKind::Invitation]
    );
    let cited = system.lines().iter().any(|line| line.decision.rules.contains(&rule::ORG_03));
    assert!(cited);
}

#[test]
fn org_03_told_apart_a_new_organizer_cancels_nothing() {
    // The old meeting stays, unlinked; nobody gets a mail.
    let system = handed_to_laura("true");
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 0));
    assert_eq!(kinds(&system), [MailKind::Invitation]);
}

#[test]
fn org_04_the_application_makes_rows_of_meetings_that_their_trackers_do_not_organize() {
    // An outsider's meeting: the application; where nothing is shared by itself: the tracker. The
    // organizer's own: always he himself.
    for sharing_off in [false, true] {
        let system = two();
        system.setting(
            "DisableImplicitSharingOfCommunicationActivities",
            if sharing_off { "true" } else { "false" },
        );
        laura_tracks_an_outsiders_meeting(&system);
        system.new_event(0, &tracked_event("Own", FUTURE));
        system.settled();
        let application = system.organization().dataverse().application_user();
        let maker = |subject: &str| {
            let rows = system.rows("appointments");
            let row = rows.into_iter().find(|row| row["subject"] == subject).expect("a row");
            assert!(row["_ownerid_value"].is_string());
            row["_createdby_value"].clone()
        };
        let outside = if sharing_off { system.user(1) } else { application };
        assert_eq!(maker("Outside"), json!(outside), "{sharing_off}");
        assert_eq!(maker("Own"), json!(system.user(0)), "{sharing_off}");
    }
}

#[test]
fn appt_out_11_a_past_meeting_changes_only_if_the_organization_says_so() {
    // A new subject after the meeting: held without a mail, or carried and mailed.
    for (value, subject, mails) in [("false", "Review", 1), ("true", "Minutes", 2)] {
        let system = two();
        system.setting("SSSUpdatePastMeetingsInNonDraftMode", value);
        let parties = [system.party(0, 7), system.party(1, 5)];
        let body = system.meeting("Review", "2026-11-24T10:00:00Z", &parties);
        let id = system.create(0, "appointments", &body);
        system.settled();
        assert_eq!(kinds(&system).len(), 1);
        system.advance(2 * 3600);
        system.update(0, "appointments", id, &json!({ "subject": "Minutes" }));
        system.settled();
        assert_eq!(system.events(0)[0]["subject"], subject, "{value}");
        assert_eq!(kinds(&system).len(), mails, "{value}");
        assert_eq!(system.codes().contains(&Code::PastMeetingHeld), mails == 1, "{value}");
    }
}

#[test]
fn appt_out_12_a_draft_waits_until_it_is_sent() {
    // Where the organization has drafts, one stays at home; sent, it invites. Elsewhere the column
    // says nothing.
    for (value, events) in [("true", 0), ("false", 1)] {
        let system = two();
        system.setting("AllowSaveAsDraftAppointment", value);
        let parties = [system.party(0, 7), system.party(1, 5)];
        let mut body = system.meeting("Plan", FUTURE, &parties);
        body["isdraft"] = json!(true);
        let id = system.create(0, "appointments", &body);
        system.settled();
        assert_eq!((system.events(0).len(), kinds(&system).len()), (events, events), "{value}");
        assert_eq!(system.codes().contains(&Code::DraftNotSent), events == 0, "{value}");
        system.update(0, "appointments", id, &json!({ "isdraft": false }));
        system.settled();
        assert_eq!((system.events(0).len(), kinds(&system).len()), (1, 1), "{value}: sent");
    }
}

/// A contact in Paul's Outlook that carries the app's signal.
fn tracked_contact(system: &System, mut body: Value) -> String {
    body["singleValueExtendedProperties"] = json!([{ "id": TRACK_SIGNAL, "value": "1" }]);
    system.new_contact(0, &body)
}

#[test]
fn cont_07_a_contact_tracked_from_exchange_follows_its_owner() {
    // No special rule: it leaves the old owner's mailbox and enters the new one's.
    let system = two();
    tracked_contact(&system, json!({ "surname": "Mitchell" }));
    system.settled();
    let row = system.rows("contacts").remove(0);
    let id: Uuid = row["contactid"].as_str().unwrap().parse().unwrap();
    let laura = system.owner(1);
    system.update(0, "contacts", id, &laura);
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (0, 1));
    assert!(system.lines().iter().any(|it| it.decision.rules.contains(&rule::CONT_07)));
}

#[test]
fn cont_09_a_contact_without_a_name_or_with_a_wrong_address_is_not_tracked() {
    // Validated, it stays in Exchange with a reason and is tracked once it is mended; not
    // validated, it becomes a row.
    let wrong = json!([{ "address": "not an address", "name": "x" }]);
    let bodies =
        [json!({ "jobTitle": "CEO" }), json!({ "surname": "Hill", "emailAddresses": wrong })];
    for body in bodies {
        let system = two();
        let id = tracked_contact(&system, body.clone());
        system.settled();
        assert!(system.rows("contacts").is_empty(), "{body}");
        assert_eq!(system.codes(), [Code::ContactInvalid], "{body}");
        system.edit_contact(0, &id, &json!({ "surname": "Hill", "emailAddresses": [] }));
        system.settled();
        assert_eq!(system.rows("contacts").len(), 1, "{body}: mended");
        let system = two();
        system.setting("ValidateContactBeforeTracking", "false");
        tracked_contact(&system, body.clone());
        system.settled();
        assert_eq!(system.rows("contacts").len(), 1, "{body}: not validated");
    }
}

#[test]
fn conf_06_a_duplicate_waits_for_its_users_decision() {
    // Laura's contact has the address already: Paul's is not made, once he decides it is.
    let system = two();
    let mail = "linda@fabrikam.example";
    system.create(1, "contacts", &json!({ "lastname": "Mitchell", "emailaddress1": mail }));
    let emails = json!([{ "address": mail, "name": "Linda" }]);
    tracked_contact(&system, json!({ "surname": "Mitchell", "emailAddresses": emails }));
    tracked_contact(&system, json!({ "surname": "Norman" }));
    system.settled();
    assert_eq!(system.rows("contacts").len(), 2, "the neighbour was made, the duplicate not");
    assert!(system.codes().contains(&Code::DuplicateFound));
    let waiting = |link: &lockstep::domain::link::Link| {
        link.trouble.is_some_and(|trouble| trouble.code == Code::DuplicateFound)
    };
    let link = system.links(0).into_iter().find(waiting).expect("it waits");
    let mailbox = system.organization().people[0].mailbox_id;
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before, "it is not tried again by itself");
    let decided = system.io.block_on(system.tenant.ignore_conflict(mailbox, link.id));
    assert!(decided.is_ok(), "the user decides");
    system.settled();
    assert_eq!(system.rows("contacts").len(), 3);
}

#[test]
fn filt_15_a_filter_of_accounts_finds_nothing_to_synchronize() {
    // Only contacts and activities have filters: one for accounts changes nothing and harms none.
    let system = two();
    let user = system.user(0);
    let accounts =
        "<fetch><entity name=\"account\"><attribute name=\"accountid\"/></entity></fetch>";
    system.organization().dataverse().set_user_filters(user, "account", &[accounts]);
    system.create(0, "accounts", &json!({ "name": "Contoso" }));
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    assert_eq!((system.contacts(0).len(), system.links(0).len()), (1, 1));
}

#[test]
fn elig_06_a_mailbox_of_another_organization_takes_no_part() {
    // Flagged in Exchange, and not by us: out, unless the tenant takes it over. Not flagged, or
    // ours: in.
    let system = two();
    let id = system.organization().people[0].mailbox_id;
    let flags = |flagged: bool, ours: bool| {
        let mut dataverse = system.organization().dataverse();
        dataverse.admin_set("mailboxes", id, "isactsyncorgflagset", json!(flagged));
        dataverse.admin_set("mailboxes", id, "orgmarkedasprimaryforexchangesync", json!(ours));
    };
    flags(true, false);
    assert_eq!(system.reasons(0), [(rule::ELIG_06, Code::OtherOrganization)]);
    let taken = system.tenant_of(&format!("takeover = true\n{}", system.tenant_file()));
    let judged = system.io.block_on(lockstep::app::once::enrol(&taken)).expect("the profile");
    assert!(judged.iter().all(|one| one.reasons.is_empty()));
    for (flagged, ours) in [(true, true), (false, false), (false, true)] {
        flags(flagged, ours);
        assert_eq!(system.reasons(0), [], "{flagged} {ours}");
    }
}

#[test]
fn elig_08_a_server_of_its_own_cannot_be_opened_through_graph() {
    // The profile of an Exchange Server keeps the mailbox out; a hybrid one does not.
    let system = two();
    let profile = system.rows("emailserverprofiles").remove(0);
    let id: Uuid = profile["emailserverprofileid"].as_str().unwrap().parse().unwrap();
    for (kind, fine) in [(0, false), (2, true), (3, true)] {
        let mut dataverse = system.organization().dataverse();
        dataverse.admin_set("emailserverprofiles", id, "servertype", json!(kind));
        drop(dataverse);
        let reasons = system.reasons(0);
        let out = vec![(rule::ELIG_08, Code::ProfileUnsupported)];
        assert_eq!(reasons, if fine { Vec::new() } else { out }, "{kind}");
    }
}

#[test]
fn filt_06_the_safe_profile_deletes_nothing_because_a_filter_changed() {
    // The organization says delete; the profile of the file is stronger, its own line stronger yet.
    for (root, lines, kept, origin) in [
        ("", "", 0, Origin::Organization),
        ("profile = \"safe\"\n", "", 1, Origin::Profile),
        (
            "profile = \"safe\"\n",
            "\n[settings]\nDistinctPhysicalAndLogicalDeletesForExchangeSync = false\n",
            0,
            Origin::File,
        ),
    ] {
        let mut system = System::new(vec![person(1, "Paul", "Cannon", "Europe/Berlin")]);
        system.setting(DISTINCT, "false");
        system.tenant = system.tenant_of(&format!("{root}{}{lines}", system.tenant_file()));
        system.create(0, "tasks", &json!({ "subject": "Offer" }));
        system.settled();
        assert_eq!(system.tasks(0).len(), 1);
        let user = system.user(0);
        let nothing = "<fetch><entity name=\"task\"><attribute name=\"activityid\"/><filter>\
            <condition attribute=\"subject\" operator=\"eq\" value=\"no\"/></filter></entity></fetch>";
        system.organization().dataverse().set_user_filters(user, "task", &[nothing]);
        system.settled();
        assert_eq!(system.tasks(0).len(), kept, "{root}{lines}");
        let view = system.tenant.view().expect("a profile was read");
        let one = view.effective.iter().find(|one| one.known.name == DISTINCT).expect("known");
        assert_eq!(one.origin, origin, "{root}{lines}");
    }
}
