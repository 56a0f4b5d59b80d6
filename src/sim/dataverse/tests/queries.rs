//! `$filter`, `$select`, paging, FetchXML and the saved filters.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Desk, body, enc, fetch_url, ids, refused};
use crate::sim::wire::Response;

fn filter(desk: &mut Desk, set: &str, text: &str) -> Response {
    desk.get(&format!("{set}?$filter={}", enc(text)))
}

#[test]
fn filters_compare_every_type() {
    // The comparison operators work on ids, numbers, flags, texts and instants.
    let mut desk = Desk::new();
    let ann = desk.ann();
    let owner = format!("/systemusers({ann})");
    let one = desk.post(
        "tasks",
        json!({ "subject": "It's one", "percentcomplete": 10, "ownerid@odata.bind": owner,
                "scheduledend": "2026-03-05T09:00:00Z" }),
    );
    let two = desk.post("tasks", json!({ "subject": "Two", "prioritycode": 2 }));
    let mut found = |text: &str| ids(&filter(&mut desk, "tasks", text), "activityid");
    assert_eq!(found("subject eq 'it''s ONE'"), [one]);
    assert_eq!(found(&format!("_ownerid_value eq {ann} and statecode eq 0")), [one]);
    assert_eq!(found("scheduledend eq null"), [two]);
    assert_eq!(found("not (scheduledend eq null)"), [one]);
    assert_eq!(found("percentcomplete ge 10 or prioritycode gt 1").len(), 2);
    assert_eq!(found("scheduledend gt 2026-03-05T08:59:59Z"), [one]);
    assert_eq!(found("prioritycode in (0,2)"), [two]);
    assert_eq!(found("ismapiprivate eq false and (subject ne 'Two')"), [one]);
    assert_eq!(found("startswith(subject,'TW')"), [two]);
    let list = format!(
        "Microsoft.Dynamics.CRM.In(PropertyName='activityid',PropertyValues=['{one}','{two}'])"
    );
    assert_eq!(found(&list).len(), 2);
    let aliases = "tasks?$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p1,PropertyValues=@p2)";
    let url = format!("{aliases}&@p1='subject'&@p2={}", enc("['two','three']"));
    assert_eq!(ids(&desk.get(&url), "activityid"), [two]);
}

#[test]
fn wrong_filters_are_refused() {
    // Unknown names, wrong types, broken syntax and $skip get 400.
    let mut desk = Desk::new();
    for text in [
        "colour eq 1",
        "subject eq 1",
        "prioritycode eq '1'",
        "_ownerid_value eq 5",
        "subject eq 'open",
        "subject eq",
        "(subject eq 'a'",
        "length(subject) eq 3",
        "ownerid eq 00000000-0000-0000-0000-000000000001",
    ] {
        assert_eq!(filter(&mut desk, "tasks", text).status, 400, "{text}");
    }
    refused(&desk.get("tasks?$skip=5"), 400, "0x80060888");
    refused(&desk.get("tasks?$select=colour"), 400, "0x80060888");
    refused(&desk.get("tasks?$orderby=subject%20up"), 400, "0x80060888");
    refused(&desk.get("tasks?$expand=appointment_activity_parties"), 400, "0x80060888");
    let long = format!("tasks?$filter={}", "a".repeat(32_768));
    assert_eq!(desk.get(&long).status, 414);
}

#[test]
fn lists_are_paged_by_next_links() {
    // odata.maxpagesize cuts pages; the links lead through every row once.
    let mut desk = Desk::new();
    for number in 0..7 {
        desk.post("tasks", json!({ "subject": format!("t{number}") }));
    }
    let prefer = [("Prefer", "odata.maxpagesize=3")];
    let mut url = "tasks?$select=subject&$orderby=subject%20desc&$count=true".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = body(&desk.call("GET", &url, &prefer, None));
        assert_eq!(page["@odata.count"], 7);
        let rows = page["value"].as_array().unwrap();
        assert!(rows.len() <= 3);
        seen.extend(rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()));
        let Some(link) = page["@odata.nextLink"].as_str() else { break };
        url = link.strip_prefix("http://host/contoso/dataverse/api/data/v9.2/").unwrap().to_owned();
    }
    assert_eq!(seen, ["t6", "t5", "t4", "t3", "t2", "t1", "t0"]);
    let top = desk.get("tasks?$top=2");
    assert_eq!(ids(&top, "activityid").len(), 2);
    assert!(body(&top).get("@odata.nextLink").is_none());
    assert_eq!(desk.get("tasks/$count").body, b"7");
}

#[test]
fn selected_versions_are_numbers() {
    // versionnumber comes when selected, as a number that is the etag's.
    let mut desk = Desk::new();
    desk.post("tasks", json!({ "subject": "x" }));
    let row = body(&desk.get("tasks?$select=versionnumber"))["value"][0].clone();
    let etag = format!("W/\"{}\"", row["versionnumber"].as_u64().unwrap());
    assert_eq!(row["@odata.etag"], etag);
    assert!(row.get("subject").is_none());
}

fn fetch(desk: &mut Desk, inside: &str) -> Response {
    let xml =
        format!("<fetch><entity name='task'><attribute name='subject'/>{inside}</entity></fetch>");
    desk.get(&fetch_url("tasks", &xml))
}

#[test]
fn fetch_operators_select_rows() {
    // The operators of sync filters find exactly the rows they describe.
    let mut desk = Desk::new();
    let sent = json!({ "subject": "Alpha 50% off", "scheduledend": "2026-03-04T23:00:00Z" });
    let today = desk.post("tasks", sent);
    let sent =
        json!({ "subject": "Beta", "scheduledend": "2026-02-20T12:00:00Z", "prioritycode": 2 });
    let past = desk.post("tasks", sent);
    let none = desk.post("tasks", json!({ "subject": "Gamma" }));
    let cases: [(&str, Vec<Uuid>); 16] = [
        ("attribute='subject' operator='like' value='%ta'", vec![past]),
        ("attribute='subject' operator='begins-with' value='gam'", vec![none]),
        ("attribute='subject' operator='ends-with' value='0% OFF'", vec![today]),
        ("attribute='subject' operator='not-like' value='%a%'", vec![]),
        ("attribute='scheduledend' operator='null'", vec![none]),
        ("attribute='scheduledend' operator='today'", vec![today]),
        ("attribute='scheduledend' operator='next-x-days' value='1'", vec![today]),
        ("attribute='scheduledend' operator='last-x-days' value='14'", vec![past]),
        ("attribute='scheduledend' operator='last-seven-days'", vec![]),
        ("attribute='scheduledend' operator='last-month'", vec![past]),
        ("attribute='scheduledend' operator='this-week'", vec![today]),
        ("attribute='scheduledend' operator='on' value='2026-02-20'", vec![past]),
        ("attribute='scheduledend' operator='on-or-after' value='2026-03-04'", vec![today]),
        ("attribute='scheduledend' operator='on-or-before' value='2026-02-20'", vec![past]),
        ("attribute='scheduledend' operator='olderthan-x-days' value='5'", vec![past]),
        ("attribute='prioritycode' operator='ne' value='1'", vec![past]),
    ];
    for (condition, wanted) in cases {
        let answer = fetch(&mut desk, &format!("<filter><condition {condition}/></filter>"));
        assert_eq!(ids(&answer, "activityid"), wanted, "{condition}");
    }
    let nested = "<filter type='or'><condition attribute='prioritycode' operator='in'><value>2</value>\
                  </condition><filter><condition attribute='subject' operator='eq' value='gamma'/>\
                  <condition attribute='statecode' operator='between'><value>0</value><value>1</value>\
                  </condition></filter></filter><order attribute='subject' descending='true'/>";
    assert_eq!(ids(&fetch(&mut desk, nested), "activityid"), [none, past]);
}

#[test]
fn wrong_fetches_are_refused() {
    // Unknown operators, columns, elements, values and broken XML get 400.
    let mut desk = Desk::new();
    let cases = [
        "<filter><condition attribute='subject' operator='sounds-like' value='x'/></filter>",
        "<filter><condition attribute='prioritycode' operator='eq' value='x'/></filter>",
        "<filter><condition attribute='subject' operator='today'/></filter>",
        "<filter><condition attribute='scheduledend' operator='last-x-days'/></filter>",
        "<filter><condition attribute='subject' operator='eq'/></filter>",
        "<filter type='xor'/>",
        "<group/>",
        "<filter>",
    ];
    for inside in cases {
        assert_eq!(fetch(&mut desk, inside).status, 400, "{inside}");
    }
    refused(&fetch(&mut desk, "<attribute name='colour'/>"), 400, "0x80041103");
    let other = fetch_url("contacts", "<fetch><entity name='task'/></fetch>");
    assert_eq!(desk.get(&other).status, 400);
    let both = "<fetch top='5' count='5'><entity name='task'/></fetch>";
    assert_eq!(desk.get(&fetch_url("tasks", both)).status, 400);
}

#[test]
fn fetch_rows_leave_out_empty_columns() {
    // Empty columns are absent; lookups, aliases and links have their names.
    let mut desk = Desk::new();
    let account = desk.account("Fabrikam");
    let customer = format!("/accounts({account})");
    desk.post(
        "contacts",
        json!({ "lastname": "Doe", "parentcustomerid_account@odata.bind": customer }),
    );
    desk.post("contacts", json!({ "lastname": "Roe" }));
    let xml = "<fetch><entity name='contact'><attribute name='lastname' alias='who'/>\
               <attribute name='jobtitle'/><attribute name='parentcustomerid'/><order attribute='lastname'/>\
               <link-entity name='account' from='accountid' to='parentcustomerid' link-type='outer' alias='firm'>\
               <attribute name='name'/></link-entity></entity></fetch>";
    let answer = body(&desk.get(&fetch_url("contacts", xml)));
    let first = &answer["value"][0];
    assert_eq!(first["who"], "Doe");
    assert_eq!(first["_parentcustomerid_value"], json!(account));
    assert_eq!(first["firm.name"], "Fabrikam");
    assert!(first.get("jobtitle").is_none());
    assert!(answer["value"][1].get("firm.name").is_none());
}

#[test]
fn fetch_pages_by_the_twice_encoded_cookie() {
    // The cookie, decoded twice and escaped, leads to the next page (protocols B8).
    let mut desk = Desk::new();
    for number in 0..5 {
        desk.post("tasks", json!({ "subject": format!("t{number}") }));
    }
    let prefer = [(
        "Prefer",
        "odata.include-annotations=\"Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords\"",
    )];
    let (mut page, mut cookie, mut seen) = (1, String::new(), Vec::new());
    loop {
        let xml = format!("<fetch count='2' page='{page}'{cookie}><entity name='task'/></fetch>");
        let answer = desk.call("GET", &fetch_url("tasks", &xml), &prefer, None);
        seen.extend(ids(&answer, "activityid"));
        let answer = body(&answer);
        if answer["@Microsoft.Dynamics.CRM.morerecords"] == Value::Bool(false) {
            break;
        }
        let outer = answer["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"].as_str().unwrap();
        let inner = outer.split("pagingcookie=\"").nth(1).unwrap().split('"').next().unwrap();
        let decode =
            |s: &str| percent_encoding::percent_decode_str(s).decode_utf8().unwrap().into_owned();
        let plain = decode(&decode(inner));
        assert!(
            plain.starts_with(&format!("<cookie page=\"{page}\"><activityid last=\"{{")),
            "{plain}"
        );
        let once = decode(inner).replace('&', "&amp;");
        let wrong = format!(
            "<fetch count='2' page='2' paging-cookie='{once}'><entity name='task'/></fetch>"
        );
        assert_eq!(desk.get(&fetch_url("tasks", &wrong)).status, 400);
        let escaped = plain.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        cookie = format!(" paging-cookie='{escaped}'");
        page += 1;
    }
    seen.sort();
    seen.dedup();
    assert_eq!((page, seen.len()), (3, 5));
}

fn party(user: Uuid, mask: i64) -> Value {
    json!({ "partyid_systemuser@odata.bind": format!("/systemusers({user})"), "participationtypemask": mask })
}

#[test]
fn filt_13_default_appointment_filter_wants_attendees_or_organizers() {
    // Being only the owner or an optional attendee does not match; required or organizer does.
    let mut desk = Desk::new();
    let (ann, ben) = (desk.ann(), desk.ben());
    let mut make = |parties: Value| {
        let sent = json!({ "subject": "m", "appointment_activity_parties": parties });
        desk.sim.user_create(ann, "appointments", &sent, desk.now).unwrap()
    };
    let organizes = make(json!([party(ann, 7), party(ben, 5), party(ann, 5)]));
    let invited = make(json!([party(ben, 7), party(ann, 5)]));
    make(json!([]));
    make(json!([party(ben, 7), party(ann, 6)]));
    let mut found = desk.sim.filter_rows(ann, "appointment", desk.now);
    found.sort();
    let mut wanted = vec![organizes, invited];
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn filt_01_filters_see_with_the_users_eyes() {
    // A contact leaves the old owner's filter when it is assigned, and enters the new owner's.
    let mut desk = Desk::new();
    let (ann, ben) = (desk.ann(), desk.ben());
    let id =
        desk.sim.user_create(ann, "contacts", &json!({ "lastname": "Doe" }), desk.now).unwrap();
    assert_eq!(desk.sim.filter_rows(ann, "contact", desk.now), [id]);
    let give = json!({ "ownerid@odata.bind": format!("/systemusers({ben})") });
    assert_eq!(desk.patch("contacts", id, give).status, 204);
    assert!(desk.sim.filter_rows(ann, "contact", desk.now).is_empty());
    assert_eq!(desk.sim.filter_rows(ben, "contact", desk.now), [id]);
    let all = "<fetch><entity name='contact'><attribute name='contactid'/></entity></fetch>";
    desk.sim.set_user_filters(ann, "contact", &[all]);
    assert!(desk.sim.filter_rows(ann, "contact", desk.now).is_empty(), "not readable, no match");
    desk.sim.set_user_filters(ben, "contact", &[]);
    assert!(desk.sim.filter_rows(ben, "contact", desk.now).is_empty());
}

#[test]
fn filt_12_foreign_filters_need_the_exact_query() {
    // Only querytype and owner open another user's filters; any other query shows one's own.
    let mut desk = Desk::new();
    let ann = desk.ann();
    let exact = format!("querytype eq 256 and _ownerid_value eq {ann}");
    assert_eq!(ids(&filter(&mut desk, "userqueries", &exact), "userqueryid").len(), 8);
    for more in [format!("{exact} and statecode eq 0"), format!("_ownerid_value eq {ann}")] {
        assert!(ids(&filter(&mut desk, "userqueries", &more), "userqueryid").is_empty(), "{more}");
    }
    let object = desk.people[0].object_id.to_string();
    let own = desk.call("GET", "userqueries", &[("CallerObjectId", &object)], None);
    assert_eq!(ids(&own, "userqueryid").len(), 8);
    let xml = format!(
        "<fetch><entity name='userquery'><attribute name='fetchxml'/><filter><condition attribute='querytype' \
         operator='eq' value='256'/><condition attribute='ownerid' operator='eq' value='{ann}'/></filter></entity></fetch>"
    );
    assert_eq!(ids(&desk.get(&fetch_url("userqueries", &xml)), "userqueryid").len(), 8);
}

#[test]
fn a_user_query_runs_by_its_id() {
    // userQuery= executes the stored FetchXML as the caller.
    let mut desk = Desk::new();
    let ann = desk.ann();
    let id = desk.sim.user_create(ann, "tasks", &json!({ "subject": "x" }), desk.now).unwrap();
    let queries = desk.sim.rows("userqueries");
    let query = queries
        .iter()
        .find(|q| q["returnedtypecode"] == "task" && q["_ownerid_value"] == json!(ann))
        .unwrap();
    let url = format!("tasks?userQuery={}", query["userqueryid"].as_str().unwrap());
    let object = desk.people[0].object_id.to_string();
    let answer = desk.call("GET", &url, &[("CallerObjectId", &object)], None);
    assert_eq!(ids(&answer, "activityid"), [id]);
    assert_eq!(desk.get(&url).status, 403);
}

#[test]
fn parties_are_read_through_readable_activities() {
    // The party set lists the parties of the activities that the caller may read.
    let mut desk = Desk::new();
    let (ann, ben) = (desk.ann(), desk.ben());
    let parties = json!([party(ann, 7)]);
    let sent = json!({ "subject": "m", "appointment_activity_parties": parties });
    let id = desk.sim.user_create(ann, "appointments", &sent, desk.now).unwrap();
    let url = format!("activityparties?$filter={}", enc(&format!("_activityid_value eq {id}")));
    assert_eq!(ids(&desk.get(&url), "activitypartyid").len(), 2);
    let ben = ben.to_string();
    let as_ben = desk.call("GET", &url, &[("MSCRMCallerID", &ben)], None);
    assert!(ids(&as_ben, "activitypartyid").is_empty());
}

#[test]
fn large_organizations_answer_from_the_indexes() {
    // With 60 people and 3,000 contacts each person's filter finds exactly his own rows.
    let people: Vec<_> = (1..=60).map(|n| super::person(n, &format!("P{n}"))).collect();
    let mut desk = Desk::with(people);
    for person in desk.people.clone() {
        for _ in 0..50 {
            let sent = json!({ "lastname": "Doe" });
            desk.sim.user_create(person.user_id, "contacts", &sent, desk.now).unwrap();
        }
    }
    for person in desk.people.clone() {
        assert_eq!(desk.sim.filter_rows(person.user_id, "contact", desk.now).len(), 50);
    }
}

#[test]
fn fiscal_operators_count_quarters_from_january() {
    // It is the first quarter of 2026: each operator finds the rows of its periods and no other.
    let mut desk = Desk::new();
    let mut due = |text: &str| {
        desk.post("tasks", json!({ "subject": text, "scheduledend": format!("{text}T12:00:00Z") }))
    };
    let last = due("2025-12-31");
    let this = due("2026-01-01");
    let next = due("2026-04-01");
    let far = due("2027-03-31");
    let cases: [(&str, Vec<Uuid>); 13] = [
        ("operator='this-fiscal-period'", vec![this]),
        ("operator='last-fiscal-period'", vec![last]),
        ("operator='next-fiscal-period'", vec![next]),
        ("operator='this-fiscal-year'", vec![this, next]),
        ("operator='last-fiscal-year'", vec![last]),
        ("operator='next-fiscal-year'", vec![far]),
        ("operator='last-x-fiscal-periods' value='1'", vec![last]),
        ("operator='next-x-fiscal-years' value='2'", vec![far]),
        ("operator='in-fiscal-year' value='2026'", vec![this, next]),
        ("operator='in-fiscal-period' value='1'", vec![this, far]),
        ("operator='in-fiscal-period-and-year'><value>4</value><value>2025</value", vec![last]),
        (
            "operator='in-or-after-fiscal-period-and-year'><value>2</value><value>2026</value",
            vec![next, far],
        ),
        (
            "operator='in-or-before-fiscal-period-and-year'><value>1</value><value>2026</value",
            vec![last, this],
        ),
    ];
    for (condition, mut wanted) in cases {
        let end = if condition.contains("<value>") { "></condition>" } else { "/>" };
        let inside =
            format!("<filter><condition attribute='scheduledend' {condition}{end}</filter>");
        let mut found = ids(&fetch(&mut desk, &inside), "activityid");
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{condition}");
    }
    for wrong in ["in-fiscal-period' value='5", "in-fiscal-year' value='1899", "in-fiscal-year"] {
        let inside =
            format!("<filter><condition attribute='scheduledend' operator='{wrong}'/></filter>");
        assert_eq!(fetch(&mut desk, &inside).status, 400, "{wrong}");
    }
}

#[test]
fn hierarchical_operators_follow_the_parents() {
    // Accounts stand in a line by their parent account; other columns have no hierarchy.
    let mut desk = Desk::new();
    let top = desk.account("Top");
    let mut child = |name: &str, parent: Uuid| {
        let bound = format!("/accounts({parent})");
        desk.post("accounts", json!({ "name": name, "parentaccountid@odata.bind": bound }))
    };
    let middle = child("Middle", top);
    let low = child("Low", middle);
    let cases: [(&str, Uuid, Vec<Uuid>); 6] = [
        ("under", top, vec![middle, low]),
        ("eq-or-under", middle, vec![middle, low]),
        ("above", low, vec![top, middle]),
        ("eq-or-above", middle, vec![top, middle]),
        ("above", top, vec![]),
        ("not-under", middle, vec![top, middle]),
    ];
    for (operator, of, mut wanted) in cases {
        let xml = format!(
            "<fetch><entity name='account'><filter><condition attribute='accountid' \
             operator='{operator}' value='{of}'/></filter></entity></fetch>"
        );
        let mut found = ids(&desk.get(&fetch_url("accounts", &xml)), "accountid");
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{operator}");
    }
    for (attribute, operator) in [("subject", "under"), ("subject", "contain-values")] {
        let inside = format!(
            "<filter><condition attribute='{attribute}' operator='{operator}' value='1'/></filter>"
        );
        assert_eq!(fetch(&mut desk, &inside).status, 400, "{operator}");
    }
}

#[test]
fn a_manager_finds_what_his_reports_own() {
    // Ben reports to Ann: her hierarchy holds both, his only himself. Reading still takes rights.
    let mut desk = Desk::new();
    let [ann, ben] = [desk.ann(), desk.ben()];
    let manager = json!({ "parentsystemuserid@odata.bind": format!("/systemusers({ann})") });
    assert_eq!(desk.patch("systemusers", ben, manager).status, 204);
    let mut own = |user: Uuid| {
        let owner = format!("/systemusers({user})");
        desk.post("tasks", json!({ "subject": "x", "ownerid@odata.bind": owner }))
    };
    let (hers, his, hidden) = (own(ann), own(ben), own(ben));
    desk.sim.share("tasks", his, ann, desk.now);
    let xml = "<fetch><entity name='task'><filter><condition attribute='ownerid' \
               operator='eq-useroruserhierarchy'/></filter></entity></fetch>";
    for (asker, mut wanted) in [(ann, vec![hers, his]), (ben, vec![his, hidden])] {
        let caller = ("MSCRMCallerID", asker.to_string());
        let headers = [(caller.0, caller.1.as_str())];
        let answer = desk.call("GET", &fetch_url("tasks", xml), &headers, None);
        let mut found = ids(&answer, "activityid");
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted);
    }
}
