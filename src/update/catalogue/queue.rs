//! What is looked up ahead of the resolver, by many threads.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex};

use crate::package::name::{ExtraName, ProjectName};
use crate::package::requirement::Requirement;

/// Requirements to look at, each project and extra once; ends when nobody can add any more.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Requirement>,
    seen: BTreeMap<ProjectName, BTreeSet<Vec<ExtraName>>>,
    at_work: usize,
}

impl Queue {
    pub(super) fn push(&self, requirement: Requirement) {
        let Ok(mut state) = self.state.lock() else { return };
        let extras = requirement.extras.clone();
        if state.seen.entry(requirement.name.clone()).or_default().insert(extras) {
            state.waiting.push_back(requirement);
            self.changed.notify_one();
        }
    }

    pub(super) fn pop(&self) -> Option<Requirement> {
        let mut state = self.state.lock().ok()?;
        loop {
            if let Some(requirement) = state.waiting.pop_front() {
                state.at_work += 1;
                return Some(requirement);
            }
            if state.at_work == 0 {
                self.changed.notify_all();
                return None;
            }
            state = self.changed.wait(state).ok()?;
        }
    }

    pub(super) fn done(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.at_work -= 1;
            self.changed.notify_all();
        }
    }
}
