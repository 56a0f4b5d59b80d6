//! Tests of the document's seal.

use super::*;

const KEY: PrintKey = PrintKey([7; 16]);

fn doc() -> PlanDoc {
    let made = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let mailbox = MailboxPlan {
        mailbox: Uuid::from_u128(1),
        address: "paul@contoso.example".to_owned(),
        brake: None,
        failed: None,
        category: None,
        items: Vec::new(),
        skipped: Vec::new(),
    };
    PlanDoc::new("cycle", "contoso", made, vec![mailbox])
}

#[test]
fn a_sealed_document_reads_back_whatever_its_layout() {
    // Layout is no content: a file that was only formatted anew opens.
    let sealed = doc().seal(&KEY).unwrap();
    for text in [serde_json::to_vec(&sealed).unwrap(), serde_json::to_vec_pretty(&sealed).unwrap()]
    {
        assert_eq!(Sealed::parse(&text).unwrap().open(&KEY).unwrap(), doc());
    }
}

#[test]
fn an_edited_document_does_not_open() {
    // One changed letter, a cut digest and another key are all refused with the remedy.
    let sealed = doc().seal(&KEY).unwrap();
    let text = serde_json::to_string(&sealed).unwrap();
    let edited = text.replace("paul@", "anna@");
    let error = Sealed::parse(edited.as_bytes()).unwrap().open(&KEY).unwrap_err().to_string();
    assert!(error.contains("edited") && error.contains("lockstep plan"), "{error}");
    let cut = Sealed { digest: sealed.digest[..8].to_owned(), ..sealed.clone() };
    assert!(cut.open(&KEY).is_err());
    assert!(sealed.open(&PrintKey([8; 16])).is_err());
}

#[test]
fn what_is_no_document_is_refused_with_a_remedy() {
    // Other JSON, another schema, unknown and missing members.
    let sealed = serde_json::to_string(&doc().seal(&KEY).unwrap()).unwrap();
    let cases = [
        ("[]", "no JSON document"),
        ("{}", "lockstep plan --out"),
        (&sealed.replace("plan/1", "plan/9"), "plan/9"),
        (&sealed.replace("\"tenant\"", "\"tenent\""), "complete"),
    ];
    for (text, wanted) in cases {
        let error = format!("{:#}", Sealed::parse(text.as_bytes()).unwrap_err());
        assert!(error.contains(wanted), "{text}: {error}");
    }
}
