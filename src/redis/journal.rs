//! The journal in Redis: two lists a mailbox. The script passes over entries by their heads, so
//! that what was not asked for does not cross the network; ids of items are compared here.

use async_trait::async_trait;

use super::{RedisStore, keys};
use crate::domain::ids::MailboxKey;
use crate::domain::journal::codec;
use crate::domain::journal::{Kept, Record};
use crate::domain::link::codec::CodecError;
use crate::ports::error::StoreError;
use crate::ports::journal::{Ask, Horizon, Journal, Of};

impl RedisStore {
    async fn entries(&self, list: String, ask: &Ask) -> Result<Vec<Vec<u8>>, StoreError> {
        let (link, cycle) = match &ask.of {
            Of::Mailbox | Of::Item(..) => (Vec::new(), Vec::new()),
            Of::Link(link) => (link.0.as_bytes().to_vec(), Vec::new()),
            Of::Cycle(cycle) => (Vec::new(), cycle.0.as_bytes().to_vec()),
        };
        let since = ask.since.map(|since| codec::instant_bytes(since).to_vec()).unwrap_or_default();
        // Which items an entry names stands behind its head: all of them come here.
        let by_item = matches!(ask.of, Of::Item(..));
        let most = if by_item { usize::from(u16::MAX) } else { ask.most };
        let mut call = self.scripts.read.key(list);
        call.arg(most).arg(since).arg(link).arg(cycle);
        self.run(&call).await
    }
}

fn whole<T>(
    mailbox: &MailboxKey,
    entries: &[Vec<u8>],
    most: usize,
    read: impl Fn(&[u8]) -> Result<Option<T>, CodecError>,
) -> Result<Vec<T>, StoreError> {
    let meant = entries.iter().filter_map(|bytes| read(bytes).transpose()).take(most);
    meant
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Corrupt(format!("{mailbox}: {error}")))
}

#[async_trait]
impl Journal for RedisStore {
    async fn records(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Record>, StoreError> {
        let entries = self.entries(keys::of_mailbox(mailbox).journal, ask).await?;
        let read = |bytes: &[u8]| Ok(Some(codec::decode(bytes)?).filter(|one| ask.means(one)));
        whole(mailbox, &entries, ask.most, read)
    }

    async fn kept(&self, mailbox: &MailboxKey, ask: &Ask) -> Result<Vec<Kept>, StoreError> {
        let entries = self.entries(keys::of_mailbox(mailbox).kept, ask).await?;
        let read = |bytes: &[u8]| {
            let (label, sealed) = codec::decode_label(bytes)?;
            let meant = ask.means_kept(&label);
            Ok(meant.then(|| Kept { label, sealed: sealed.to_vec() }))
        };
        whole(mailbox, &entries, ask.most, read)
    }

    async fn prune(&self, mailbox: &MailboxKey, horizon: &Horizon) -> Result<(), StoreError> {
        let keys = keys::of_mailbox(mailbox);
        let mut call = self.scripts.prune.key(keys.journal);
        call.key(keys.kept);
        call.arg(codec::instant_bytes(horizon.records).as_slice());
        call.arg(codec::instant_bytes(horizon.kept).as_slice());
        self.run::<u64>(&call).await.map(|_| ())
    }
}
