//! Tests of uploads that break off.

use super::super::testing::{Scripted, Turn};
use super::*;

#[tokio::test]
async fn only_the_last_range_leaves_a_doubt() {
    // A server that failed there, or lost patience, may have attached the file: it is looked for, and not
    // attached again. Before the last range nothing is.
    let open = || Turn::Answers(vec![(201, json!({ "uploadUrl": "https://upload.example/1" }))]);
    let file = NewFile {
        key: uuid::Uuid::from_u128(1),
        name: "plan.pdf".into(),
        mime: "application/pdf".into(),
        content: vec![7; RANGE_BYTES + 1],
    };
    let address = Address::parse("ada@contoso.example").unwrap();
    let table = [
        (vec![202, 201], Outcome::Done(None)),
        (vec![202, 500], Outcome::Unknown),
        (vec![202, 408], Outcome::Unknown),
        (vec![202, 404], Outcome::NotSent),
        (vec![500], Outcome::NotSent),
        (vec![408], Outcome::NotSent),
    ];
    for (ranges, outcome) in table {
        let turns = std::iter::once(open()).chain(ranges.iter().copied().map(Turn::Range));
        let far = Scripted::new(turns.collect());
        let event = NativeId::new("event");
        assert_eq!(far.side.new_file(&address, &event, &file).await, outcome, "{ranges:?}");
        assert!(far.is_over(), "{ranges:?}");
    }
}
