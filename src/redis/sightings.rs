//! Sightings of another engine: one hash for each tenant.

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::{RedisStore, keys};
use crate::domain::ids::TenantId;
use crate::ports::error::StoreError;
use crate::ports::sightings::{SightingChange, SightingStore, Sightings, decode, encode};

/// Fields that one command carries: below Redis' bound of 1,048,576 arguments with room to spare.
const CHUNK: usize = 10_000;

#[async_trait]
impl SightingStore for RedisStore {
    async fn sightings(&self, tenant: &TenantId) -> Result<Sightings, StoreError> {
        let mut pipe = redis::pipe();
        pipe.hgetall(keys::of_sightings(tenant));
        let (stored,): (HashMap<String, String>,) = self.pipe(&pipe).await?;
        let entry = |(mailbox, text): (&String, &String)| {
            let id = Uuid::try_parse(mailbox).map_err(|_| {
                StoreError::Corrupt(format!("{tenant}: a sighting names no mailbox"))
            })?;
            Ok((id, decode(tenant, text)?))
        };
        stored.iter().map(entry).collect()
    }

    async fn watch(&self, tenant: &TenantId, change: &SightingChange) -> Result<(), StoreError> {
        let key = keys::of_sightings(tenant);
        let mut pipe = redis::pipe();
        pipe.atomic();
        for some in change.drop.chunks(CHUNK) {
            let ids: Vec<String> = some.iter().map(Uuid::to_string).collect();
            pipe.hdel(&key, ids).ignore();
        }
        for some in change.put.chunks(CHUNK) {
            let fields: Vec<(String, String)> =
                some.iter().map(|(id, seen)| (id.to_string(), encode(*seen))).collect();
            pipe.hset_multiple(&key, &fields).ignore();
        }
        self.pipe(&pipe).await
    }
}
