//! A store that is emptied while nodes run gets back what only they know.

use tokio::time::sleep;

use super::fakes::{Tenant, id, on_paused, secs};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{MailboxKey, TenantId};
use crate::ports::clock::Clock as _;
use crate::ports::links::LinkStore as _;

#[test]
fn ops_01_an_emptied_store_gets_the_key_and_who_is_kept_out_from_the_nodes_that_run() {
    // Another key would make each pair differ on both sides, and a purged mailbox would be filled again.
    on_paused(async {
        let tenant = Tenant::new().await;
        let links = tenant.world.store.memory.clone();
        let (name, other) = (TenantId::new("contoso"), PrintKey([9; 16]));
        let purged = MailboxKey { tenant: name.clone(), mailbox: id(7) };
        links.exclude(&purged, tenant.world.clock.now()).await.unwrap();
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(2)).await;
        let key = runtime.view().expect("a profile was read").key.clone();
        links.lose();
        tenant.store.lose();
        assert!(links.excluded(&name).await.unwrap().is_empty());
        // The next beat finds it out.
        sleep(secs(5)).await;
        assert_eq!(links.print_key(&name, other).await.unwrap(), key);
        assert!(links.excluded(&name).await.unwrap().contains_key(&purged.mailbox));
    });
}

#[test]
fn a_profile_that_is_read_after_the_store_was_emptied_keeps_the_key() {
    // Without a word of the membership: whoever has a view gives its key back.
    on_paused(async {
        let tenant = Tenant::new().await;
        let (runtime, _supervisor) = tenant.start();
        sleep(secs(2)).await;
        let key = runtime.view().expect("a profile was read").key.clone();
        tenant.world.store.memory.lose();
        let profile = runtime.read_profile().await.unwrap();
        runtime.adopt(&profile).await.unwrap();
        assert_eq!(runtime.view().expect("a profile was read").key, key);
    });
}
