//! What notices named and nobody was told yet, and the mailboxes that were told a moment ago: each is
//! told at once, and what comes within the next second is told once more at its end.
//!
//! A flood of notices about one mailbox wakes it twice, and takes the room of one. A flood of one tenant,
//! whose key somebody stole, leaves the others their room. Pure but for the instants that it is given.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::ids::{MailboxKey, TenantId};
use crate::ports::wake::{Hint, Life};

/// A mailbox is told at most so often.
const APART: Duration = Duration::from_secs(1);
/// Mailboxes that are remembered at once, of which one tenant has at most half; with more, notices are
/// dropped and the sweeps find what they told.
const MAILBOXES: usize = 200_000;
/// Lifecycle events that wait at once, of which one tenant has at most half; with more, they are dropped
/// and the next renewal finds what they told.
const LIVES: usize = 20_000;

/// What becomes of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// The mailbox is told now.
    Now,
    /// It was told a moment ago, and will be told again.
    Later,
    /// There is no room.
    Full,
}

/// What waits to be told, and which mailboxes were told last.
#[derive(Debug)]
pub(super) struct Waiting {
    mailboxes: Rooms<Uuid, Told>,
    lives: Rooms<(Uuid, Life), ()>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    /// Nothing: it was not told yet.
    at: Option<Instant>,
    /// It is to be told.
    due: bool,
}

/// Bounded room, shared fairly. A tenant may have as much as is left for all: one that floods gets half
/// of it, two a third each. Whoever comes next finds as much free as each of them has, and may take half of
/// that.
#[derive(Debug)]
struct Rooms<K, V> {
    tenants: HashMap<TenantId, HashMap<K, V>>,
    taken: usize,
    most: usize,
}

impl<K: Eq + Hash, V> Rooms<K, V> {
    fn new(most: usize) -> Self {
        Self { tenants: HashMap::new(), taken: 0, most }
    }

    fn get_mut(&mut self, tenant: &TenantId, key: &K) -> Option<&mut V> {
        self.tenants.get_mut(tenant)?.get_mut(key)
    }

    /// Takes in what is not there yet; false when there is no room.
    fn insert(&mut self, tenant: &TenantId, key: K, value: V) -> bool {
        let left = self.most.saturating_sub(self.taken);
        let own = self.tenants.get(tenant).map_or(0, HashMap::len);
        if own >= left {
            return false;
        }
        self.taken += 1;
        self.tenants.entry(tenant.clone()).or_default().insert(key, value);
        true
    }

    fn retain(&mut self, mut stays: impl FnMut(&TenantId, &K, &mut V) -> bool) {
        let mut taken = 0;
        self.tenants.retain(|tenant, own| {
            own.retain(|key, value| stays(tenant, key, value));
            taken += own.len();
            !own.is_empty()
        });
        self.taken = taken;
    }
}

impl Default for Waiting {
    fn default() -> Self {
        Self { mailboxes: Rooms::new(MAILBOXES), lives: Rooms::new(LIVES) }
    }
}

impl Waiting {
    /// Takes in a notice about a mailbox.
    pub(super) fn ring(&mut self, key: &MailboxKey, now: Instant) -> Rung {
        if let Some(told) = self.mailboxes.get_mut(&key.tenant, &key.mailbox) {
            told.due = true;
            return if told.is_ripe(now) { Rung::Now } else { Rung::Later };
        }
        let told = Told { at: None, due: true };
        match self.mailboxes.insert(&key.tenant, key.mailbox, told) {
            true => Rung::Now,
            false => Rung::Full,
        }
    }

    /// Takes in what happened to a subscription, once for as long as it waits.
    pub(super) fn live(&mut self, key: &MailboxKey, life: Life) -> Rung {
        let event = (key.mailbox, life);
        let waits = self.lives.get_mut(&key.tenant, &event).is_some();
        match waits || self.lives.insert(&key.tenant, event, ()) {
            true => Rung::Now,
            false => Rung::Full,
        }
    }

    /// Takes back what could not be told, where there is room for it.
    pub(super) fn again(&mut self, hint: &Hint, now: Instant) {
        if let Hint::Subscription(key, life) = hint {
            self.live(key, life.clone());
        }
        if let Hint::Changed(key) = hint {
            self.ring(key, now);
        }
    }

    /// Returns what is to be told now, and forgets the mailboxes that were left alone.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(MailboxKey, Hint)> {
        let mut due = Vec::new();
        let key = |tenant: &TenantId, mailbox| MailboxKey { tenant: tenant.clone(), mailbox };
        self.lives.retain(|tenant, (mailbox, life), ()| {
            let key = key(tenant, *mailbox);
            due.push((key.clone(), Hint::Subscription(key, life.clone())));
            false
        });
        self.mailboxes.retain(|tenant, mailbox, told| {
            if told.due && told.is_ripe(now) {
                let key = key(tenant, *mailbox);
                due.push((key.clone(), Hint::Changed(key)));
                *told = Told { at: Some(now), due: false };
            }
            told.due || !told.is_ripe(now)
        });
        due
    }

    /// Returns how many mailboxes are remembered, and how many events wait.
    #[cfg(test)]
    pub(super) fn taken(&self) -> (usize, usize) {
        (self.mailboxes.taken, self.lives.taken)
    }
}

impl Told {
    fn is_ripe(&self, now: Instant) -> bool {
        self.at.is_none_or(|at| now.duration_since(at) >= APART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(tenant: &TenantId, number: usize) -> MailboxKey {
        MailboxKey { tenant: tenant.clone(), mailbox: Uuid::from_u128(number as u128) }
    }

    fn changed(tenant: &TenantId, number: usize) -> (MailboxKey, Hint) {
        let key = key_of(tenant, number);
        (key.clone(), Hint::Changed(key))
    }

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name)
    }

    /// Lets a tenant name mailboxes until there is no room; returns how many had some.
    fn flood(waiting: &mut Waiting, tenant: &TenantId, now: Instant) -> usize {
        let fits = |number: &usize| waiting.ring(&key_of(tenant, *number), now) == Rung::Now;
        (0..=MAILBOXES).take_while(fits).count()
    }

    #[test]
    fn a_flood_about_one_mailbox_is_told_twice() {
        // Ten thousand notices within a second: one at once, one at the end of the second.
        let (mut waiting, begin, tenant) = (Waiting::default(), Instant::now(), tenant("contoso"));
        let key = key_of(&tenant, 1);
        assert_eq!(waiting.ring(&key, begin), Rung::Now);
        assert_eq!(waiting.due(begin), [changed(&tenant, 1)]);
        for number in 1..10_000 {
            let at = begin + Duration::from_micros(number * 99);
            assert_eq!(waiting.ring(&key, at), Rung::Later);
            assert!(waiting.due(at).is_empty());
        }
        assert_eq!(waiting.due(begin + APART), [changed(&tenant, 1)]);
        assert!(waiting.due(begin + APART).is_empty());
        assert!(waiting.due(begin + 2 * APART).is_empty());
        assert_eq!(waiting.taken(), (0, 0), "nothing is remembered of it");
    }

    #[test]
    fn what_nobody_takes_waits_once() {
        // While nothing can be published, notices that go on for a minute take the room of one.
        let (mut waiting, begin, tenant) = (Waiting::default(), Instant::now(), tenant("contoso"));
        for second in 0..60 {
            waiting.ring(&key_of(&tenant, 1), begin + second * APART);
            waiting.live(&key_of(&tenant, 1), Life::Missed);
        }
        assert_eq!(waiting.taken(), (1, 1));
        assert_eq!(waiting.due(begin + 60 * APART).len(), 2);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        // One mailbox beyond the bound is dropped until another is forgotten.
        let (mut waiting, begin, tenant) = (Waiting::default(), Instant::now(), tenant("contoso"));
        assert_eq!(flood(&mut waiting, &tenant, begin), MAILBOXES / 2);
        assert_eq!(waiting.due(begin).len(), MAILBOXES / 2);
        assert_eq!(waiting.ring(&key_of(&tenant, MAILBOXES), begin), Rung::Full);
        assert_eq!(waiting.ring(&key_of(&tenant, 7), begin), Rung::Later, "a known one has room");
        assert_eq!(waiting.due(begin + APART), [changed(&tenant, 7)]);
        assert_eq!(waiting.ring(&key_of(&tenant, MAILBOXES), begin + APART), Rung::Now);
    }

    #[test]
    fn a_tenant_that_floods_leaves_the_others_their_room() {
        // Half for one, a third for each of two; the sum stays bounded however many flood.
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        let (one, two) = (tenant("contoso"), tenant("fabrikam"));
        assert_eq!(flood(&mut waiting, &one, begin), MAILBOXES / 2);
        let second = flood(&mut waiting, &two, begin);
        assert_eq!(second, MAILBOXES / 4, "half of what the first one left");
        waiting.due(begin);
        waiting.due(begin + APART);
        // Beginning together they get the same.
        let (mut had, mut number) = ([0_usize, 0], 0);
        while let Some(at) = [&one, &two]
            .iter()
            .position(|it| waiting.ring(&key_of(it, number), begin + APART) == Rung::Now)
        {
            had[at] += 1;
            if at == 0 && waiting.ring(&key_of(&two, number), begin + APART) == Rung::Now {
                had[1] += 1;
            }
            number += 1;
        }
        assert!(had.iter().all(|it| it.abs_diff(MAILBOXES / 3) <= 1), "{had:?}");
        for number in 0..20 {
            flood(&mut waiting, &tenant(&format!("tenant-{number}")), begin);
        }
        assert!(waiting.taken().0 <= MAILBOXES);
    }

    #[test]
    fn lifecycle_events_have_a_room_of_their_own() {
        // However many mailboxes wait, an event is taken in; a flood of events leaves room as well.
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        let (one, two) = (tenant("contoso"), tenant("fabrikam"));
        flood(&mut waiting, &one, begin);
        let removed = |number: usize| Life::Removed(format!("subscription {number}"));
        let fits = |number: &usize| waiting.live(&key_of(&one, 1), removed(*number)) == Rung::Now;
        assert_eq!((0..=LIVES).take_while(fits).count(), LIVES / 2);
        assert_eq!(waiting.live(&key_of(&two, 1), Life::Missed), Rung::Now);
        assert_eq!(waiting.live(&key_of(&one, 1), removed(7)), Rung::Now, "it waits already");
        let told = waiting.due(begin);
        assert_eq!(told.len(), MAILBOXES / 2 + LIVES / 2 + 1);
        assert!(told.iter().any(|(key, _)| key.tenant == two));
        assert_eq!(waiting.taken().1, 0);
    }

    #[test]
    fn what_could_not_be_told_waits_again() {
        // After its second, once, whether it was named again meanwhile or not; an event at once.
        let (mut waiting, now, contoso) = (Waiting::default(), Instant::now(), tenant("contoso"));
        let life = (key_of(&contoso, 3), Hint::Subscription(key_of(&contoso, 3), Life::Missed));
        let told = [changed(&contoso, 1), changed(&contoso, 2), life.clone()];
        waiting.ring(&key_of(&contoso, 1), now);
        waiting.ring(&key_of(&contoso, 2), now);
        waiting.live(&key_of(&contoso, 3), Life::Missed);
        assert_eq!(waiting.due(now).len(), told.len());
        waiting.ring(&key_of(&contoso, 2), now);
        told.iter().for_each(|(_, hint)| waiting.again(hint, now));
        assert_eq!(waiting.due(now), [life]);
        let mut again = waiting.due(now + APART);
        again.sort_by_key(|(key, _)| key.mailbox);
        assert_eq!(again, told[..2]);
        assert!(waiting.due(now + 2 * APART).is_empty());
        assert_eq!(waiting.taken(), (0, 0));
    }
}
