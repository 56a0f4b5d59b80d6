//! Lists as they are asked for, and what is taken of their answers.

use serde_json::json;

use super::*;

fn key(kind: Kind, number: u128) -> Key {
    (Table::of(kind), NativeId::new(Uuid::from_u128(number).to_string()))
}

fn placed(wanted: &[Key]) -> Vec<List> {
    lists_of(wanted.iter().enumerate().map(|(at, (table, id))| (at, *table, id)))
}

fn reply(body: &Json) -> PartReply {
    PartReply { status: 200, headers: Box::default(), body: body.to_string().into_bytes() }
}

fn raw(row: &Json) -> Box<RawValue> {
    serde_json::value::to_raw_value(row).unwrap()
}

#[test]
fn a_list_asks_for_what_a_row_is_asked_for() {
    // The same columns, parties and annotations as for one row; the ids in the documented function.
    let lists = placed(&[key(Kind::Task, 1), key(Kind::Task, 2)]);
    let part = lists[0].part();
    let (query, filter) = part.path.split_once("&$filter=").unwrap();
    assert_eq!(query, format!("tasks?{}", Table::of(Kind::Task).complete()));
    let filter = percent_encoding::percent_decode_str(filter).decode_utf8().unwrap();
    assert_eq!(
        filter,
        "Microsoft.Dynamics.CRM.In(PropertyName='activityid',PropertyValues=[\
         '00000000-0000-0000-0000-000000000001','00000000-0000-0000-0000-000000000002'])"
    );
    assert_eq!(part.headers[0], ("Prefer", LOOKUPS.into()));
    assert_eq!(part.headers[1], ("If-None-Match", "null".into()));
}

#[test]
fn lists_are_of_one_table_and_bounded() {
    // One row of a table is no list, nor is what is no guid; the longest URL fits outside of a batch, too.
    let mut wanted: Vec<Key> = (1..=201).map(|number| key(Kind::Contact, number)).collect();
    wanted.push(key(Kind::Fax, 500));
    wanted.push((Table::of(Kind::Fax), NativeId::new("no guid")));
    wanted.extend([key(Kind::Letter, 501), key(Kind::Letter, 502)]);
    let lists = placed(&wanted);
    let sizes: Vec<(Kind, usize)> =
        lists.iter().map(|list| (list.table.kind, list.places.len())).collect();
    let contacts = [100, 100, 1].map(|count| (Kind::Contact, count));
    assert!(contacts.iter().all(|one| sizes.contains(one)), "{sizes:?}");
    assert!(sizes.contains(&(Kind::Letter, 2)), "{sizes:?}");
    assert_eq!(sizes.len(), 4);
    let places: Vec<usize> =
        lists.iter().flat_map(|list| &list.places).map(|(at, _)| *at).collect();
    assert_eq!(places.len(), 203);
    let longest = Kind::ALL.map(|kind| {
        let all: Vec<Key> = (1..=100).map(|number| key(kind, number)).collect();
        placed(&all)[0].part().path.len()
    });
    assert!(longest.iter().all(|length| *length < 32_768 / 2), "{longest:?}");
}

#[test]
fn rows_that_are_not_whole_have_no_place() {
    // A row counts with all of its parties: the list beside its link holds some, and no further page.
    let table = Table::of(Kind::Appointment);
    let id = Uuid::from_u128(1);
    let link = "https://org/appointments(1)/appointment_activity_parties?$select=partyid";
    let paged = format!("{link}&$skiptoken=%3Ccookie%20pagenumber=%222%22");
    let row = |parties: Json, next: Json| {
        let mut row = json!({ "activityid": id, "subject": "a \"b\" {c}" });
        row["appointment_activity_parties"] = parties;
        if next != Json::Null {
            row["appointment_activity_parties@odata.nextLink"] = next;
        }
        whole(table, &raw(&row))
    };
    let owner = json!([{ "participationtypemask": 9 }]);
    assert_eq!(row(owner.clone(), json!(link)), Some(id));
    assert_eq!(row(owner.clone(), Json::Null), Some(id));
    assert_eq!(row(json!([]), Json::Null), Some(id));
    assert_eq!(row(json!([]), json!(link)), None, "left out");
    assert_eq!(row(owner.clone(), json!(paged)), None, "a page of them");
    assert_eq!(row(json!(vec![owner[0].clone(); 5_000]), json!(link)), None, "cut off");
    assert_eq!(row(owner, json!(7)), None);
    assert_eq!(row(Json::Null, json!(link)), None);
    assert_eq!(whole(table, &raw(&json!({ "activityid": id }))), None);
    assert_eq!(whole(table, &raw(&json!(["activityid"]))), None);
    let contact = json!({ "contactid": id });
    assert_eq!(whole(Table::of(Kind::Contact), &raw(&contact)), Some(id));
}

#[test]
fn each_row_of_an_answer_finds_its_place() {
    // In any order, with rows nobody asked for and without some; a body that is no list gives nothing.
    let wanted: Vec<Key> =
        [3, 1, 2, 1].into_iter().map(|number| key(Kind::Contact, number)).collect();
    let list = &placed(&wanted)[0];
    let row =
        |number: u128| json!({ "contactid": Uuid::from_u128(number), "versionnumber": number });
    let mut found = vec![None; 4];
    list.take(&reply(&json!({ "value": [row(1), row(8), row(3)] })), &mut found);
    let versions: Vec<Option<Json>> = found
        .iter()
        .map(|one| Some(json(one.as_ref()?).unwrap()["versionnumber"].clone()))
        .collect();
    assert_eq!(versions, [Some(json!(3)), Some(json!(1)), None, Some(json!(1))]);
    for body in [json!({}), json!([]), json!({ "value": {} })] {
        let mut found = vec![None; 4];
        list.take(&reply(&body), &mut found);
        assert_eq!(found, vec![None; 4]);
    }
}

#[test]
fn exceptions_are_told_of_whole_lists_only() {
    // Each with its series; a further page or a row that names no series tells nothing.
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let rows = json!([{ "seriesid": one, "n": 1 }, { "seriesid": two, "n": 2 }, { "seriesid": one, "n": 3 }]);
    let lists = by_series(&reply(&json!({ "value": rows.clone() }))).unwrap();
    let numbers = |id: &Uuid| -> Vec<i64> {
        lists[id].iter().map(|row| row["n"].as_i64().unwrap()).collect()
    };
    assert_eq!((numbers(&one), numbers(&two)), (vec![1, 3], vec![2]));
    assert!(by_series(&reply(&json!({ "value": rows, "@odata.nextLink": "x" }))).is_none());
    assert!(by_series(&reply(&json!({ "value": [{ "n": 1 }] }))).is_none());
    assert!(by_series(&PartReply { status: 400, ..reply(&json!({ "value": [] })) }).is_none());
}
