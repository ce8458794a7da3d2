//! Whose cache it is. Root in somebody else's (`sudo myapp` with the user's HOME) acts as that somebody, so that nothing
//! is left there that its owner cannot read, replace or remove.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Uid, getegid, geteuid, getuid, setegid, seteuid, setresgid, setresuid};

use crate::fs;

/// Root acting as somebody else; root again when it is dropped.
#[derive(Debug)]
pub struct Acting {
    group: Gid,
}

impl Acting {
    /// Acts as the owner of `place`, or of the nearest directory above it that is there. `None` where that is root, or
    /// this process is not; or where the owner could not find `launcher`, which has to be started for an update.
    pub fn as_owner_of(place: &Path, launcher: &Path) -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let there = place.ancestors().find_map(|directory| fs::metadata(directory).ok())?;
        let owner = Uid::from_raw(there.uid());
        if owner.is_root() {
            return None;
        }
        let acting = Self { group: getegid() };
        // The group first: who is not root any more may not change it.
        setegid(Gid::from_raw(there.gid())).ok()?;
        seteuid(owner).ok()?;
        fs::exists(launcher).then_some(acting)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        let _ = seteuid(Uid::from_raw(0));
        let _ = setegid(self.group);
    }
}

/// Acts so for good, in a process that does not become the app: what it starts cannot be root again.
pub fn stay() {
    let (user, group) = (geteuid(), getegid());
    if getuid().is_root() && !user.is_root() {
        let _ = setresgid(group, group, group);
        let _ = setresuid(user, user, user);
    }
}
