//! What the messages of the service do to a series of Dynamics, and what becomes of it in Exchange
//! (REC-02, REC-05, CXL-04).

use serde_json::{Value, json};

use crate::harness::{System, two};
use crate::series_desk::{
    MASTERS, instance, instances, master, occurrence, shown, subjects, weekly,
};

/// Sends a message of the service as Paul.
fn message(system: &System, path: &str, sent: &Value) {
    let (user, now) = (system.user(0), system.clock.now());
    let done = system.organization().dataverse().user_message(user, path, sent, now);
    done.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
}

#[test]
fn rec_02_exceptions_made_by_the_services_message_reach_exchange() {
    // CreateException renames one instance and deletes another.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", false));
    system.settled();
    let path = "recurringappointmentmasters/Microsoft.Dynamics.CRM.CreateException";
    for (day, deleted) in [("2026-12-08", false), ("2026-12-15", true)] {
        let row = instance(&system, day);
        let target = json!({ "@odata.type": "Microsoft.Dynamics.CRM.appointment",
            "activityid": row["activityid"], "subject": "Special" });
        let sent = json!({ "Target": target, "OriginalStartDate": row["originalstartdate"],
            "IsDeleted": deleted });
        message(&system, path, &sent);
    }
    system.settled();
    assert_eq!(subjects(&system)[..3], ["Weekly", "Special", "Weekly"]);
    assert_eq!(instances(&system).len(), 9);
}

#[test]
fn rec_05_instances_made_by_the_services_message_take_what_waited_for_them() {
    // An occurrence beyond the expansion waits; CreateInstance makes its row before the job does.
    let system = two();
    let mut body = weekly(&system, "Weekly", false);
    body["occurrences"] = json!(40);
    let id = system.create(0, MASTERS, &body);
    system.settled();
    let far = occurrence(&system, 0, "2027-03-23");
    system.edit_event(0, &far, &json!({ "subject": "Far" }));
    let before = instances(&system).len();
    let target = json!({ "@odata.type": "Microsoft.Dynamics.CRM.recurringappointmentmaster",
        "activityid": id });
    message(&system, "CreateInstance", &json!({ "Target": target, "Count": 10 }));
    assert_eq!(instances(&system).len(), before + 10);
    system.settled();
    assert_eq!(instance(&system, "2027-03-23")["subject"], "Far");
}

#[test]
fn cxl_04_a_series_ended_in_dynamics_ends_in_exchange_and_keeps_its_past() {
    // DeleteOpenInstances completes what has been and deletes what was to come. The event ends with
    // the last that has been, and is not deleted although the row is canceled.
    // The organization may let canceled rows delete their meeting: this one is over by its own rule.
    for propagates in ["false", "true"] {
        let system = two();
        system.setting("SSSPropagateAppointmentCancellationsToExchange", propagates);
        let id = system.create(0, MASTERS, &weekly(&system, "Weekly", true));
        system.settled();
        system.advance(16 * 24 * 3600);
        system.settled();
        let (mails, now) = (system.mails().len(), system.clock.now());
        let past = instances(&system)
            .iter()
            .filter(|row| row["scheduledstart"].as_str() < Some(&now.to_rfc3339()))
            .count();
        assert!(past > 0 && past < 10);
        let target = json!({ "@odata.type": "Microsoft.Dynamics.CRM.recurringappointmentmaster",
        "activityid": id });
        let sent = json!({ "Target": target, "SeriesEndDate": now.to_rfc3339(),
        "StateOfPastInstances": 1 });
        message(&system, "DeleteOpenInstances", &sent);
        assert_eq!((instances(&system).len(), &master(&system)["statecode"]), (past, &json!(2)));
        system.settled();
        assert_eq!((system.events(0).len(), shown(&system, 0).len()), (1, past));
        assert_eq!(system.mails().len(), mails + 1);
    }
}
