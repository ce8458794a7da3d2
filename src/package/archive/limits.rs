//! The bounds within which an archive is believed.

use super::refusal::Refusal;

const MIB: u64 = 1 << 20;

/// What an archive may ask for. The defaults hold every honest distribution that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files, unpacked.
    pub total: u64,
    /// Members of one archive.
    pub members: u64,
    /// Bytes of the list of members (a ZIP's central directory), and of `RECORD`.
    pub directory: u64,
    /// Bytes of a file that is read as a whole: `METADATA`, `WHEEL`, `entry_points.txt`.
    pub small: u64,
    /// How many bytes may come out of one byte of the archive …
    pub ratio: u64,
    /// … once this many have come.
    pub ratio_free: u64,
    /// Bytes of a member's path.
    pub path: usize,
    /// Directories one in the other.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 4096 * MIB,
            members: 100_000,
            directory: 16 * MIB,
            small: 8 * MIB,
            ratio: 100,
            ratio_free: 8 * MIB,
            path: 1024,
            depth: 64,
        }
    }
}

impl Limits {
    /// Judges how much `packed` bytes become.
    pub(crate) fn check_ratio(&self, packed: u64, unpacked: u64) -> Result<(), Refusal> {
        if unpacked > self.ratio_free && unpacked > packed.saturating_mul(self.ratio) {
            return Err(Refusal::Limit { what: "bytes out of each byte of the archive", most: self.ratio });
        }
        Ok(())
    }

    /// Judges the bytes of all files.
    pub(crate) fn check_total(&self, unpacked: u64) -> Result<(), Refusal> {
        Self::at_most(unpacked, self.total, "bytes unpacked")
    }

    /// Judges the number of members.
    pub(crate) fn check_members(&self, members: u64) -> Result<(), Refusal> {
        Self::at_most(members, self.members, "members")
    }

    /// Refuses more than `most` of something.
    pub(crate) fn at_most(found: u64, most: u64, what: &'static str) -> Result<(), Refusal> {
        if found > most { Err(Refusal::Limit { what, most }) } else { Ok(()) }
    }
}
