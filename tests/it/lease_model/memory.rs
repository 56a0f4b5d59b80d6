//! Cycles that begin from what their process remembers, without a claim (`docs/adr/0011`), and cycles that
//! follow one that ended in the middle.

use lockstep::domain::ids::Fence;

use super::world::{Cluster, Process, Sight, Work, World, shard};

impl Process {
    /// Tells whether a cycle may begin in a shard as far as this process itself is concerned: nothing that a
    /// former one sent, which was cut off or panicked, can land any more.
    pub(super) fn has_turn(&self, of: usize, now: u64, cluster: &Cluster) -> bool {
        cluster.hurries || now >= self.cut[of]
    }

    /// Tells whether it remembers what it stored under the fence of a cycle that has read nothing yet.
    pub(super) fn recalls(&self, of: usize) -> Option<(u64, u8)> {
        let Work { fence, claim: None, .. } = self.work[of]? else { return None };
        let (stored, seq, history) = self.remembered[of]?;
        (stored == fence).then_some((seq, history))
    }

    /// Its commit passed: the cycle goes on if it began from memory.
    pub(super) fn stored(
        &mut self,
        of: usize,
        (fence, seq, history): (Fence, u64, u8),
        cluster: &Cluster,
    ) {
        self.remembered[of] = Some((fence, seq, history));
        if let Some(work) = &mut self.work[of]
            && work.fence == fence
            && work.claim.is_some()
            && !work.sure
        {
            (work.claim, work.sure) = (Some((seq, history)), true);
            cluster.seen.note(Sight::SentFromMemory);
        }
    }

    /// Its commit was refused: what it remembered is forgotten, and a cycle that began from it begins anew.
    pub(super) fn refused(&mut self, of: usize, cluster: &Cluster) {
        self.remembered[of] = None;
        if let Some(work) = &mut self.work[of]
            && work.claim.is_some()
            && !work.sure
        {
            work.claim = None;
            cluster.seen.note(Sight::MemoryRefused);
        }
    }
}

impl World {
    /// A cycle begins from what its process remembers.
    pub(super) fn recall(&mut self, at: usize, of: usize) {
        let process = &mut self.processes[at];
        if let (Some(claim), Some(work)) = (process.recalls(of), process.work[of]) {
            process.work[of] = Some(Work { claim: Some(claim), ..work });
        }
    }

    /// Such a cycle stores what it is about to send, and sends it when that passed.
    pub(super) fn mark(&mut self, at: usize, of: usize) {
        let process = &mut self.processes[at];
        let now = process.clock(self.now);
        let Some(Work { fence, claim: Some((seq, _)), sure: false, .. }) = process.work[of] else {
            return;
        };
        if process.node.may_write(shard(of), fence, now) {
            process.commit = Some((of, fence, seq));
        }
    }

    /// What was sent was decided on the newest state.
    pub(super) const fn sends_on_the_newest(&self) -> bool {
        !self.sent_on_old
    }
}
