//! Tests of eligibility: each condition alone keeps a mailbox out.

use uuid::Uuid;

use crate::domain::code::Code;
use crate::domain::mailbox::{DeliveryMethod, MailboxRecord, MailboxSource, Regarding};
use crate::domain::policy::Settings;
use crate::engine::catalogue as rule;
use crate::engine::eligible::{Reason, judge};
use crate::engine::testing::{ME, SERVED, address};

fn record() -> MailboxRecord {
    MailboxRecord {
        id: Uuid::from_u128(1),
        address: Some(address("me@contoso.test")),
        active: true,
        regarding: Regarding::User { user: ME, enabled: true, object_id: Some(Uuid::from_u128(8)) },
        approved: true,
        approved_by_admin: true,
        tested: true,
        enabled_for_act: true,
        delivery: DeliveryMethod::ServerSide,
        server_type: Some(3),
        owned_elsewhere: false,
        last_sync_started: None,
    }
}

/// The reasons against a record that differs in one thing.
fn against(change: impl FnOnce(&mut MailboxRecord)) -> Vec<Reason> {
    let mut one = record();
    change(&mut one);
    judge(&[one], &MailboxSource::Dataverse, &Settings::default()).remove(0)
}

#[test]
fn elig_03_a_mailbox_that_meets_all_conditions_takes_part() {
    // Approved, tested, enabled and handed over: no reason against it.
    assert_eq!(against(|_| {}), []);
}

#[test]
fn elig_03_each_condition_alone_keeps_it_out() {
    // Approval, test, enabling, activity and delivery method are each needed.
    let out = |code| vec![(rule::ELIG_03, code)];
    assert_eq!(against(|it| it.approved = false), out(Code::MailboxNotApproved));
    assert_eq!(against(|it| it.tested = false), out(Code::MailboxNotEnabled));
    assert_eq!(against(|it| it.enabled_for_act = false), out(Code::MailboxNotEnabled));
    assert_eq!(against(|it| it.active = false), out(Code::MailboxInactive));
    assert_eq!(against(|it| it.delivery = DeliveryMethod::None), out(Code::DeliveryMethod));
    let client = DeliveryMethod::OutlookClient;
    assert_eq!(against(|it| it.delivery = client), out(Code::DeliveryMethod));
}

#[test]
fn elig_04_a_queue_never_takes_part() {
    // Whatever its settings.
    let reasons = against(|it| it.regarding = Regarding::Queue);
    assert_eq!(reasons, [(rule::ELIG_04, Code::QueueMailbox)]);
}

#[test]
fn elig_05_two_records_of_one_address_or_user_keep_each_other_out() {
    // One user, one mailbox; an inactive record is no rival.
    for same_user in [true, false] {
        for active in [true, false] {
            let mut second = record();
            second.active = active;
            if same_user {
                second.address = Some(address("other@contoso.test"));
            } else {
                let object_id = Some(Uuid::from_u128(7));
                second.regarding = Regarding::User { user: SERVED, enabled: true, object_id };
            }
            let source = MailboxSource::Dataverse;
            let found = judge(&[record(), second], &source, &Settings::default());
            let ambiguous = found[0].contains(&(rule::ELIG_05, Code::MailboxAmbiguous));
            assert_eq!(ambiguous, active, "{same_user}");
        }
    }
}

#[test]
fn elig_07_only_exchange_profiles_carry_the_three_kinds() {
    // Exchange, hybrid and Exchange Online do; POP3, IMAP and no profile do not.
    for (server, fine) in
        [(Some(1), false), (Some(2), true), (Some(3), true), (Some(4), false), (None, false)]
    {
        let reasons = against(|it| it.server_type = server);
        assert_eq!(reasons.is_empty(), fine, "{server:?}");
        assert_eq!(reasons.contains(&(rule::ELIG_07, Code::ProfileUnsupported)), !fine);
    }
    let nameless = against(|it| it.address = None);
    assert_eq!(nameless, [(rule::ELIG_07, Code::AddressMissing)]);
}

#[test]
fn elig_10_approval_may_be_switched_off_but_not_exchange_onlines_own() {
    // Without the organization's approval the administrator's is still asked, online only.
    let settings = Settings { require_approval: false, ..Settings::default() };
    for (server, by_admin, fine) in [(3, true, true), (3, false, false), (2, false, true)] {
        let mut one = record();
        one.approved = false;
        one.server_type = Some(server);
        one.approved_by_admin = by_admin;
        let reasons = judge(&[one], &MailboxSource::Dataverse, &settings).remove(0);
        assert_eq!(reasons.is_empty(), fine, "{server} {by_admin}");
    }
}

#[test]
fn elig_12_the_user_must_be_enabled_and_known_to_entra() {
    // A disabled user, one without object id and nobody at all stay out.
    let object_id = Some(Uuid::from_u128(8));
    for regarding in [
        Regarding::User { user: ME, enabled: false, object_id },
        Regarding::User { user: ME, enabled: true, object_id: None },
        Regarding::Nobody,
    ] {
        let reasons = against(|it| it.regarding = regarding);
        assert_eq!(reasons, [(rule::ELIG_12, Code::UserDisabled)]);
    }
}

#[test]
fn elig_13_a_listed_mailbox_must_be_out_of_the_other_engines_hands() {
    // With a list, delivery method 2 is needed and everybody else is not listed.
    let listed = MailboxSource::Listed(vec![address("ME@contoso.test")]);
    let nobody = MailboxSource::Listed(Vec::new());
    for (source, delivery, reason) in [
        (&listed, DeliveryMethod::None, None),
        (&listed, DeliveryMethod::ServerSide, Some((rule::ELIG_13, Code::DeliveryMethod))),
        (&listed, DeliveryMethod::OutlookClient, Some((rule::ELIG_13, Code::DeliveryMethod))),
        (&nobody, DeliveryMethod::None, Some((rule::ELIG_03, Code::NotListed))),
    ] {
        let mut one = record();
        one.delivery = delivery;
        let reasons = judge(&[one], source, &Settings::default()).remove(0);
        assert_eq!(reasons.first().copied(), reason);
    }
}
