//! Attachments of appointments (rules.md §1.15, ATT-01 to ATT-05), seen from outside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockstep::app::operate::apply::Refusal;
use lockstep::app::operate::document::PlanDoc;
use lockstep::cycle::Wanted;
use lockstep::domain::code::Code;
use lockstep::domain::field::Group;
use lockstep::domain::journal::{Done, Ending, OpName};
use lockstep::domain::link::LinkState;
use lockstep::domain::plan::Verb;
use lockstep::domain::side::Side;
use lockstep::ports::journal::{Ask, Of, RECORDS_MAX};
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, guid, id_of, tracked_event, two};
use crate::plans::{carry_out, plan};
use crate::undos::{newest, rests, undone};

const FUTURE: &str = "2026-12-01T10:00:00Z";
const MEGABYTE: usize = 1024 * 1024;

/// Sets a column of the organization's row.
fn organization(system: &System, column: &str, value: Value) {
    let mut dataverse = system.organization().dataverse();
    let id = dataverse.organization_id();
    dataverse.admin_set("organizations", id, column, value);
}

/// Two people of an organization that synchronizes attachments.
fn with_files() -> System {
    let system = two();
    organization(&system, "isappointmentattachmentsyncenabled", json!(true));
    system
}

/// A pair that was made in Dynamics; its row and its event.
fn pair(system: &System) -> (Uuid, String) {
    let body = system.meeting("Review", FUTURE, &[system.party(0, 7)]);
    let row = system.create(0, "appointments", &body);
    system.settled();
    (row, id_of(&system.events(0)[0]))
}

fn add_to_row(system: &System, set: &str, row: Uuid, name: &str, content: &[u8]) -> Uuid {
    let table = set.trim_end_matches('s');
    let body = json!({ format!("objectid_{table}@odata.bind"): format!("/{set}({row})"),
        "filename": name, "mimetype": "text/plain", "body": STANDARD.encode(content) });
    system.create(0, "activitymimeattachments", &body)
}

fn attach(system: &System, event: &str, name: &str, content: &[u8]) {
    let (address, now) = (system.address(0), system.clock.now());
    let done = system.organization().graph().user_attach(&address, event, name, content, now);
    done.expect("attached");
}

/// Returns names and contents of the files of a row, by name.
fn of_row(system: &System, row: Uuid) -> Vec<(String, Vec<u8>)> {
    let all = system.rows("activitymimeattachments");
    let his = all.iter().filter(|one| one["_objectid_value"] == json!(row.to_string()));
    let mut files: Vec<_> = his
        .map(|one| {
            let body = STANDARD.decode(one["body"].as_str().unwrap_or_default()).expect("base64");
            (one["filename"].as_str().expect("a name").to_owned(), body)
        })
        .collect();
    files.sort();
    files
}

/// Returns names and contents of the files of an event, by name.
fn of_event(system: &System, event: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = system.organization().graph().attachments(&system.address(0), event);
    files.sort();
    files
}

fn names(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn att_01_att_03_by_default_files_stay_where_they_are() {
    // Neither side gets the other's, nothing is written, and no cycle asks for any.
    let system = two();
    let (row, event) = pair(&system);
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    attach(&system, &event, "plan.txt", b"plan");
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before);
    assert_eq!(
        (names(&of_row(&system, row)), names(&of_event(&system, &event))),
        (vec!["offer.txt"], vec!["plan.txt"])
    );
    // Switched on later, what lay there before is carried.
    organization(&system, "isappointmentattachmentsyncenabled", json!(true));
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["offer.txt", "plan.txt"]);
    assert_eq!(of_row(&system, row), of_event(&system, &event));
}

#[test]
fn att_02_files_go_both_ways_and_come_to_rest() {
    // Added on either side, with their content; then nothing is written any more.
    let system = with_files();
    let (row, event) = pair(&system);
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    system.settled();
    assert_eq!(of_event(&system, &event), [("offer.txt".to_owned(), b"offer".to_vec())]);
    attach(&system, &event, "plan.txt", b"plan");
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["offer.txt", "plan.txt"]);
    assert_eq!(of_row(&system, row), of_event(&system, &event));
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before);
    assert!(system.mails().is_empty());
}

#[test]
fn att_02_what_is_done_about_files_is_written_down() {
    // The file that went to Exchange and the one that the organization does not take: cycle, rule, what was
    // sent and why not, without a name.
    let system = with_files();
    organization(&system, "blockedattachments", json!("exe"));
    let (row, event) = pair(&system);
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    attach(&system, &event, "tool.exe", b"tool");
    system.settled();
    let key = system.enrol().remove(0).key.clone();
    let ask = Ask { of: Of::Mailbox, since: None, most: RECORDS_MAX };
    let journal = &system.tenant.deps.chronicle.journal;
    let records = system.io.block_on(journal.records(&key, &ask)).expect("records");
    let told: Vec<_> = records.iter().filter(|one| one.groups == [Group::Files]).collect();
    let [one] = &told[..] else { panic!("{told:#?}") };
    assert_eq!((&*one.rules[0], one.verb), ("ATT-02", Verb::Update(Side::Exchange)));
    assert_eq!(one.done.exchange, Some(Done { op: OpName::Update, ending: Ending::Done }));
    assert_eq!((one.done.dynamics, one.codes()), (None, vec!["attachment-blocked"]));
    assert!(!format!("{one:?}").contains("offer") && !format!("{one:?}").contains("tool"));
}

#[test]
fn att_02_a_removed_file_is_removed_on_the_other_side() {
    // In both directions; the others stay.
    let system = with_files();
    let (row, event) = pair(&system);
    let offer = add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    attach(&system, &event, "plan.txt", b"plan");
    attach(&system, &event, "map.txt", b"map");
    system.settled();
    system.delete(0, "activitymimeattachments", offer);
    system.settled();
    assert_eq!(names(&of_event(&system, &event)), ["map.txt", "plan.txt"]);
    let (address, now) = (system.address(0), system.clock.now());
    let gone = system.organization().graph().user_detach(&address, &event, "map.txt", now);
    gone.expect("detached");
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["plan.txt"]);
    assert_eq!(of_row(&system, row), of_event(&system, &event));
}

#[test]
fn att_02_a_file_with_another_content_replaces_the_old_one() {
    // The same name: the new content arrives, once.
    let system = with_files();
    let (row, event) = pair(&system);
    let id = add_to_row(&system, "appointments", row, "offer.txt", b"first");
    system.settled();
    let body = json!({ "body": STANDARD.encode(b"second") });
    system.update(0, "activitymimeattachments", id, &body);
    system.settled();
    assert_eq!(of_event(&system, &event), [("offer.txt".to_owned(), b"second".to_vec())]);
    // A new version with the same content is no change (CONF-05).
    system.update(0, "activitymimeattachments", id, &body);
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before);
}

#[test]
fn conf_03_files_added_on_both_sides_at_once_are_all_kept() {
    // And what was removed on one side while the other changed comes back rather than be lost.
    let system = with_files();
    let (row, event) = pair(&system);
    let old = add_to_row(&system, "appointments", row, "old.txt", b"old");
    system.settled();
    system.delete(0, "activitymimeattachments", old);
    add_to_row(&system, "appointments", row, "mine.txt", b"mine");
    attach(&system, &event, "yours.txt", b"yours");
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["mine.txt", "old.txt", "yours.txt"]);
    assert_eq!(of_row(&system, row), of_event(&system, &event));
}

/// Returns side, op and name of each move of a file, as a plan shows it.
fn moves(doc: &PlanDoc) -> Vec<(String, String, String)> {
    let files = doc.mailboxes.iter().flat_map(|one| &one.items).flat_map(|item| &item.files);
    files.map(|one| (one.side.clone(), one.op.clone(), one.name.clone())).collect()
}

fn moved(side: &str, op: &str, name: &str) -> (String, String, String) {
    (side.to_owned(), op.to_owned(), name.to_owned())
}

#[test]
fn att_02_a_plan_shows_the_files_that_its_application_moves() {
    // Added, replaced and removed, in both directions, beside a write to the item and without one;
    // planning moves none. The plan after it is empty.
    for renamed in [false, true] {
        let system = with_files();
        let (row, event) = pair(&system);
        let old = add_to_row(&system, "appointments", row, "old.txt", b"old");
        let offer = add_to_row(&system, "appointments", row, "offer.txt", b"first");
        system.settled();
        system.advance(60);
        system.delete(0, "activitymimeattachments", old);
        let body = json!({ "body": STANDARD.encode(b"second") });
        system.update(0, "activitymimeattachments", offer, &body);
        add_to_row(&system, "appointments", row, "new.txt", b"new");
        if renamed {
            system.update(0, "appointments", row, &json!({ "subject": "Renamed" }));
        }
        let before = system.writes();
        let doc = plan(&system);
        assert_eq!(system.writes(), before);
        let mut shown = moves(&doc);
        shown.sort();
        let expected = [
            moved("exchange", "create", "new.txt"),
            moved("exchange", "create", "offer.txt"),
            moved("exchange", "delete", "offer.txt"),
            moved("exchange", "delete", "old.txt"),
        ];
        assert_eq!((shown.as_slice(), doc.totals.files), (&expected[..], 4), "{doc:#?}");
        carry_out(&system, &doc, false).unwrap();
        assert_eq!(names(&of_event(&system, &event)), ["new.txt", "offer.txt"]);
        assert_eq!(of_row(&system, row), of_event(&system, &event));
        assert_eq!(moves(&plan(&system)), []);
        attach(&system, &event, "plan.txt", b"plan");
        let doc = plan(&system);
        assert_eq!(moves(&doc), [moved("dynamics", "create", "plan.txt")]);
        carry_out(&system, &doc, false).unwrap();
        assert_eq!(of_row(&system, row), of_event(&system, &event));
        let before = system.writes();
        system.settled();
        assert_eq!(system.writes(), before);
    }
}

#[test]
fn att_02_a_plan_shows_the_files_of_an_item_that_is_still_to_be_made() {
    // Of a row without an event and of an event without a row; a closed row gets none.
    let system = with_files();
    let body = system.meeting("Review", FUTURE, &[system.party(0, 7)]);
    let row = system.create(0, "appointments", &body);
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    // At another hour: Dynamics refuses to book one user twice.
    let event = system.new_event(0, &tracked_event("Walk", "2026-12-02T10:00:00Z"));
    attach(&system, &event, "plan.txt", b"plan");
    let doc = plan(&system);
    let mut shown = moves(&doc);
    shown.sort();
    let expected =
        [moved("dynamics", "create", "plan.txt"), moved("exchange", "create", "offer.txt")];
    assert_eq!(shown, expected, "{doc:#?}");
    carry_out(&system, &doc, false).unwrap();
    assert_eq!(names(&of_event(&system, &event)), ["plan.txt"]);
    let made = guid(
        &system.rows("appointments").into_iter().find(|it| it["subject"] == "Walk").expect("a row"),
        "activityid",
    );
    assert_eq!(names(&of_row(&system, made)), ["plan.txt"]);
    let events = system.events(0);
    let made = events.iter().find(|one| one["subject"] == "Review").expect("an event");
    assert_eq!(names(&of_event(&system, &id_of(made))), ["offer.txt"]);
    system.settled();
    system.update(0, "appointments", row, &json!({ "statecode": 1, "statuscode": 3 }));
    attach(&system, &id_of(made), "late.txt", b"late");
    assert_eq!(moves(&plan(&system)), []);
}

#[test]
fn att_02_a_plan_is_refused_when_a_file_came_or_changed_since() {
    // Nothing is written, neither file nor field, and the sentence names the file.
    let system = with_files();
    let (row, event) = pair(&system);
    let id = add_to_row(&system, "appointments", row, "offer.txt", b"first");
    let doc = plan(&system);
    let body = json!({ "body": STANDARD.encode(b"second one") });
    system.update(0, "activitymimeattachments", id, &body);
    let before = system.writes();
    let Err(Refusal::Moved(reasons)) = carry_out(&system, &doc, false) else {
        panic!("a file has changed");
    };
    assert!(reasons.iter().any(|one| one.contains("files[0]")), "{reasons:?}");
    assert_eq!(system.writes(), before);
    let doc = plan(&system);
    add_to_row(&system, "appointments", row, "more.txt", b"more");
    let before = system.writes();
    let Err(Refusal::Moved(reasons)) = carry_out(&system, &doc, false) else {
        panic!("a file has come");
    };
    assert!(reasons.iter().any(|one| one.contains("more.txt")), "{reasons:?}");
    assert!(of_event(&system, &event).is_empty());
    assert_eq!(system.writes(), before);
}

#[test]
fn ops_02_a_file_that_was_removed_or_replaced_comes_back_on_both_sides() {
    // Removed and replaced in Dynamics, carried to Exchange: the undo of that cycle brings both old
    // files back, quietly; the undo of the undo brings back what it replaced.
    let system = with_files();
    let (row, event) = pair(&system);
    let old = add_to_row(&system, "appointments", row, "old.txt", b"old");
    let offer = add_to_row(&system, "appointments", row, "offer.txt", b"first");
    attach(&system, &event, "plan.txt", b"plan");
    system.settled();
    let before = of_row(&system, row);
    system.advance(60);
    system.delete(0, "activitymimeattachments", old);
    let body = json!({ "body": STANDARD.encode(b"second") });
    system.update(0, "activitymimeattachments", offer, &body);
    system.settled();
    let after = of_row(&system, row);
    assert_eq!(
        (names(&after), of_event(&system, &event)),
        (vec!["offer.txt", "plan.txt"], after.clone())
    );
    system.advance(60);
    let done = undone(&system, &Wanted::Cycle(newest(&system, 0)), false);
    assert_eq!((done.verbs, done.left), (vec!["merge".to_owned()], vec![]));
    assert_eq!((of_row(&system, row), of_event(&system, &event)), (before.clone(), before));
    rests(&system);
    system.advance(60);
    let done = undone(&system, &Wanted::Item(event.clone()), false);
    assert_eq!(done.left, Vec::<String>::new());
    let again = |files: Vec<(String, Vec<u8>)>| {
        files.into_iter().find(|(name, _)| name == "offer.txt").map(|(_, content)| content)
    };
    assert_eq!(again(of_row(&system, row)), Some(b"second".to_vec()));
    assert_eq!(of_row(&system, row), of_event(&system, &event));
    rests(&system);
    assert!(system.mails().is_empty());
}

#[test]
fn ops_02_a_file_that_somebody_attached_since_is_not_replaced() {
    // Before a cycle has carried it and after; the operator is told, and nothing is written.
    let system = with_files();
    let (row, event) = pair(&system);
    let old = add_to_row(&system, "appointments", row, "old.txt", b"old");
    system.settled();
    system.advance(60);
    system.delete(0, "activitymimeattachments", old);
    system.settled();
    system.advance(60);
    let cycle = newest(&system, 0);
    add_to_row(&system, "appointments", row, "old.txt", b"another");
    for _ in 0..2 {
        let before = system.writes();
        let done = undone(&system, &Wanted::Cycle(cycle), false);
        assert!(done.left[0].contains("changed its files since"), "{:?}", done.left);
        assert_eq!(system.writes(), before);
        system.settled();
    }
    assert_eq!(of_event(&system, &event), [("old.txt".to_owned(), b"another".to_vec())]);
}

#[test]
fn ops_02_an_overwritten_field_of_an_appointment_with_files_comes_back() {
    // The files are no change that stands in the way.
    let system = with_files();
    let (row, event) = pair(&system);
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    system.settled();
    system.advance(60);
    system.update(0, "appointments", row, &json!({ "subject": "Renamed" }));
    system.settled();
    system.advance(60);
    let done = undone(&system, &Wanted::Cycle(newest(&system, 0)), false);
    assert_eq!(done.left, Vec::<String>::new());
    assert_eq!(system.events(0)[0]["subject"], "Review");
    assert_eq!(names(&of_event(&system, &event)), ["offer.txt"]);
}

#[test]
fn ops_02_a_file_larger_than_what_is_kept_goes_without_and_is_told() {
    // A byte more than 5 MiB; the plan says so before, and the undo brings the other file back.
    let system = with_files();
    organization(&system, "maxuploadfilesize", json!(10 * MEGABYTE));
    let (row, event) = pair(&system);
    let fits = add_to_row(&system, "appointments", row, "fits.bin", b"fits");
    let large = add_to_row(&system, "appointments", row, "large.bin", &content(5 * MEGABYTE + 1));
    system.settled();
    assert_eq!(names(&of_event(&system, &event)), ["fits.bin", "large.bin"]);
    system.advance(60);
    system.delete(0, "activitymimeattachments", fits);
    system.delete(0, "activitymimeattachments", large);
    let doc = plan(&system);
    let told =
        doc.mailboxes[0].items.iter().any(|it| it.code.as_deref() == Some("attachment-not-kept"));
    assert!(told, "{doc:#?}");
    system.settled();
    assert!(system.codes().contains(&Code::AttachmentNotKept));
    assert!(of_event(&system, &event).is_empty());
    system.advance(60);
    undone(&system, &Wanted::Cycle(newest(&system, 0)), false);
    assert_eq!(names(&of_event(&system, &event)), ["fits.bin"]);
    assert!(of_row(&system, row) == of_event(&system, &event), "the contents differ");
    rests(&system);
}

#[test]
fn ops_02_files_that_went_with_their_appointment_come_back_with_it() {
    // Its user deletes the event, and the row goes with it, then the other way round: each time what was
    // still there is made again on both sides with all of its files, and the pair is at rest.
    for side in [Side::Exchange, Side::Dynamics] {
        let system = with_files();
        let row = system.create(
            0,
            "appointments",
            &system.meeting("Review", FUTURE, &[system.party(0, 7)]),
        );
        system.settled();
        let event = id_of(&system.events(0)[0]);
        add_to_row(&system, "appointments", row, "offer.txt", b"offer");
        attach(&system, &event, "plan.txt", b"plan");
        system.settled();
        let before = of_row(&system, row);
        assert_eq!(names(&before), ["offer.txt", "plan.txt"]);
        system.advance(60);
        match side {
            Side::Exchange => system.delete_event(0, &event),
            Side::Dynamics => system.delete(0, "appointments", row),
        }
        system.settled();
        assert!(system.rows("appointments").is_empty() && system.events(0).is_empty());
        system.advance(60);
        let done = undone(&system, &Wanted::Cycle(newest(&system, 0)), false);
        assert_eq!(done.left, Vec::<String>::new());
        let (rows, events) = (system.rows("appointments"), system.events(0));
        assert_eq!((rows.len(), events.len()), (1, 1));
        let row = guid(&rows[0], "activityid");
        assert_eq!(of_row(&system, row), before, "{side}");
        assert_eq!(of_event(&system, &id_of(&events[0])), before, "{side}");
        rests(&system);
    }
}

#[test]
fn ops_02_files_of_an_event_that_is_deleted_come_back_where_files_are_not_synchronized() {
    // By default Lockstep moves none; those of the event that it deletes are kept all the same, and come
    // back to the event alone.
    let system = two();
    let (row, event) = pair(&system);
    attach(&system, &event, "plan.txt", b"plan");
    system.settled();
    system.advance(60);
    system.delete(0, "appointments", row);
    system.settled();
    assert!(system.events(0).is_empty());
    system.advance(60);
    let done = undone(&system, &Wanted::Cycle(newest(&system, 0)), false);
    assert_eq!(done.left, Vec::<String>::new());
    let event = id_of(&system.events(0)[0]);
    assert_eq!(names(&of_event(&system, &event)), ["plan.txt"]);
    assert!(system.rows("activitymimeattachments").is_empty());
    rests(&system);
}

#[test]
fn ops_02_a_half_that_stayed_says_which_files_come_back() {
    // The row leaves the filter and its event goes; one of its two files is removed from the row, and then
    // the event is brought back with the other one, and with the one that never crosses.
    let system = with_files();
    organization(&system, "blockedattachments", json!("exe"));
    let (row, event) = pair(&system);
    let old = add_to_row(&system, "appointments", row, "old.txt", b"old");
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    attach(&system, &event, "tool.exe", b"tool");
    system.settled();
    assert_eq!(names(&of_event(&system, &event)), ["offer.txt", "old.txt", "tool.exe"]);
    system.advance(60);
    system.setting("SSSPropagateAppointmentCancellationsToExchange", "true");
    system.update(0, "appointments", row, &json!({ "statecode": 2, "statuscode": 4 }));
    system.settled();
    assert!(system.events(0).is_empty());
    system.advance(60);
    system.update(0, "appointments", row, &json!({ "statecode": 3, "statuscode": 5 }));
    system.delete(0, "activitymimeattachments", old);
    let done = undone(&system, &Wanted::Cycle(newest(&system, 0)), false);
    assert_eq!(done.left, Vec::<String>::new());
    let event = id_of(&system.events(0)[0]);
    assert_eq!(names(&of_event(&system, &event)), ["offer.txt", "tool.exe"]);
    rests(&system);
    assert_eq!(names(&of_row(&system, row)), ["offer.txt"]);
}

#[test]
fn ops_02_a_file_that_cannot_be_kept_does_not_hold_its_appointment_back() {
    // The list of the row's files is refused for good, and one file is a byte too large: the row goes with
    // its event, and it is told that files went without.
    for refused in [true, false] {
        let system = with_files();
        organization(&system, "maxuploadfilesize", json!(10 * MEGABYTE));
        let (row, event) = pair(&system);
        let large = if refused { 5 } else { 5 * MEGABYTE + 1 };
        add_to_row(&system, "appointments", row, "offer.bin", &content(large));
        system.settled();
        system.advance(60);
        system.delete_event(0, &event);
        if refused {
            let scope = Scope::PathContains("activitymimeattachments".to_owned());
            let faults = FaultPlan::new(1).with(FaultKind::Refuse(403), 1.0, scope);
            system.organization().set_faults(faults);
        }
        system.one_pass(0);
        assert!(system.rows("appointments").is_empty(), "{refused}");
        assert!(system.codes().contains(&Code::AttachmentNotKept), "{refused}");
    }
}

/// Returns bytes of which no two ranges are alike.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at % 251).unwrap_or_default()).collect()
}

#[test]
fn att_02_a_large_file_goes_through_an_upload_session() {
    // In ranges, byte by byte the same; just below 3 MB it is posted.
    let system = with_files();
    let (row, event) = pair(&system);
    add_to_row(&system, "appointments", row, "a.bin", &content(3 * MEGABYTE - 1));
    add_to_row(&system, "appointments", row, "b.bin", &content(4 * MEGABYTE));
    system.settled();
    assert_eq!(names(&of_event(&system, &event)), ["a.bin", "b.bin"]);
    assert!(of_row(&system, row) == of_event(&system, &event), "the contents differ");
}

#[test]
fn att_02_a_large_file_of_exchange_arrives_whole() {
    // One of 3 MB exactly.
    let system = with_files();
    let (row, event) = pair(&system);
    attach(&system, &event, "c.bin", &content(3 * MEGABYTE));
    system.settled();
    assert!(of_row(&system, row) == of_event(&system, &event), "the contents differ");
    assert_eq!(of_row(&system, row).len(), 1);
}

#[test]
fn att_05_what_the_organization_does_not_take_stays_in_exchange() {
    // Exactly the largest size goes; a byte more, a blocked name, an inline image and a link do
    // not, and the reason is told. They are not taken off the event either.
    let system = with_files();
    organization(&system, "maxuploadfilesize", json!(1000));
    organization(&system, "blockedattachments", json!("exe;js"));
    let (row, event) = pair(&system);
    // Exchange counts a little more than the content.
    attach(&system, &event, "fits.txt", &[1; 1000 - 178]);
    attach(&system, &event, "large.txt", &[1; 1001 - 178]);
    attach(&system, &event, "run.exe", b"x");
    let (address, now) = (system.address(0), system.clock.now());
    for (form, name, inline) in
        [("fileAttachment", "image.png", true), ("referenceAttachment", "share", false)]
    {
        let mut graph = system.organization().graph();
        let done = graph.user_attach_as(&address, &event, (form, name, inline), b"x", now);
        done.expect("attached");
    }
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["fits.txt"]);
    assert_eq!(of_event(&system, &event).len(), 5);
    let codes = system.codes();
    assert!(codes.contains(&Code::AttachmentTooLarge), "{codes:?}");
    // The user's next file goes, and takes nothing away.
    attach(&system, &event, "more.txt", b"more");
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["fits.txt", "more.txt"]);
    assert_eq!(of_event(&system, &event).len(), 6);
}

#[test]
fn att_05_what_the_service_refuses_is_marked_on_the_row() {
    // The rest is carried, attachmenterrors is 1, and cycles come to rest; once all fits, it is 0.
    let system = with_files();
    let (row, event) = pair(&system);
    system.passes(1);
    // Blocked after the profile was read: only the service knows yet.
    let mailboxes = system.enrol();
    organization(&system, "blockedattachments", json!("exe"));
    attach(&system, &event, "run.exe", b"x");
    attach(&system, &event, "plan.txt", b"plan");
    system.run(mailboxes, 4);
    assert_eq!(names(&of_row(&system, row)), ["plan.txt"]);
    assert_eq!(system.row("appointments", row).expect("a row")["attachmenterrors"], 1);
    assert!(system.codes().contains(&Code::AttachmentBlocked));
    let (address, now) = (system.address(0), system.clock.now());
    let gone = system.organization().graph().user_detach(&address, &event, "run.exe", now);
    gone.expect("detached");
    attach(&system, &event, "map.txt", b"map");
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["map.txt", "plan.txt"]);
    assert_eq!(system.row("appointments", row).expect("a row")["attachmenterrors"], 0);
}

#[test]
fn att_04_svc_05_files_of_series_and_services_never_move() {
    // A service activity's file stays on its row, a file of a copy stays with the copy.
    let system = with_files();
    let parties = json!([system.party(0, 5)]);
    let body = json!({ "subject": "Inspection", "scheduledstart": FUTURE,
        "scheduledend": "2026-12-01T11:00:00Z", "serviceappointment_activity_parties": parties });
    let service = system.create(0, "serviceappointments", &body);
    system.settled();
    let event = id_of(&system.events(0)[0]);
    add_to_row(&system, "serviceappointments", service, "offer.txt", b"offer");
    attach(&system, &event, "plan.txt", b"plan");
    system.settled();
    assert_eq!(names(&of_row(&system, service)), ["offer.txt"]);
    assert_eq!(names(&of_event(&system, &event)), ["plan.txt"]);
}

#[test]
fn org_01_an_attendees_copy_gives_and_takes_no_file() {
    // Her mailbox follows the organizer's: only his event and the row are one.
    let system = with_files();
    let body = system.meeting("Review", FUTURE, &[system.party(0, 7), system.party(1, 5)]);
    let row = system.create(0, "appointments", &body);
    system.settled();
    let (address, now) = (system.address(1), system.clock.now());
    let copy = id_of(&system.events(1)[0]);
    let done = system.organization().graph().user_attach(&address, &copy, "hers.txt", b"x", now);
    done.expect("attached");
    let mails = system.mails();
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    system.settled();
    assert_eq!(names(&of_row(&system, row)), ["offer.txt"]);
    assert_eq!(names(&of_event(&system, &id_of(&system.events(0)[0]))), ["offer.txt"]);
    assert_eq!(system.organization().graph().attachments(&address, &copy).len(), 1);
    assert_eq!(system.mails(), mails, "attaching mails nobody (protocols A10)");
}

#[test]
fn appt_in_05_a_closed_row_takes_no_file() {
    // Completed in Dynamics: the file stays in Exchange.
    let system = with_files();
    let (row, event) = pair(&system);
    system.update(0, "appointments", row, &json!({ "statecode": 1, "statuscode": 3 }));
    system.settled();
    attach(&system, &event, "plan.txt", b"plan");
    system.settled();
    assert!(of_row(&system, row).is_empty());
}

#[test]
fn att_05_an_answer_that_is_lost_makes_no_second_file() {
    // The add happened and its answer was lost, on either side: one file each.
    for side in [FarSide::Dataverse, FarSide::Graph] {
        let system = with_files();
        let (row, event) = pair(&system);
        if side == FarSide::Dataverse {
            attach(&system, &event, "plan.txt", b"plan");
        } else {
            add_to_row(&system, "appointments", row, "plan.txt", b"plan");
        }
        let mut plan = FaultPlan::new(1);
        let path =
            if side == FarSide::Dataverse { "activitymimeattachments(" } else { "/attachments" };
        let scope = Scope::Side(side).and(Scope::Writes).and(Scope::PathContains(path.to_owned()));
        plan.add(FaultKind::ResetAfterCommit, 1.0, scope).times(1);
        system.organization().set_faults(plan);
        system.settled();
        assert_eq!(system.organization().faults().injected_of("reset_after_commit"), 1, "{side:?}");
        assert_eq!(names(&of_row(&system, row)), ["plan.txt"], "{side:?}");
        assert_eq!(names(&of_event(&system, &event)), ["plan.txt"], "{side:?}");
        assert!(system.links(0).iter().all(|link| link.state == LinkState::Agreed));
    }
}

#[test]
fn att_02_a_file_of_an_imported_event_arrives_with_it() {
    // The row is made from Exchange, its file follows in the same pass.
    let system = with_files();
    let event = system.new_event(0, &tracked_event("Walk", FUTURE));
    attach(&system, &event, "plan.txt", b"plan");
    system.settled();
    let row = guid(&system.rows("appointments")[0], "activityid");
    assert_eq!(names(&of_row(&system, row)), ["plan.txt"]);
}

#[test]
fn att_05_a_lost_store_compares_contents_and_writes_nothing() {
    // Both sides hold the same files: they are found equal by their contents.
    let mut system = with_files();
    let (row, event) = pair(&system);
    add_to_row(&system, "appointments", row, "offer.txt", b"offer");
    system.settled();
    system.lose_state();
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before);
    assert_eq!(of_row(&system, row), of_event(&system, &event));
}
