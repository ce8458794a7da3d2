//! One resolution apart from any app: the launcher's own catalogue and resolver, nothing remembered afterwards.

use std::path::Path;
use std::time::Duration;

use super::scratch::Scratch;
use crate::error::Error;
use crate::net::Net;
use crate::store::Store;
use crate::time::Deadline;
use crate::update::catalogue::{Catalogue, Places};
use crate::update::depot::Depot;
use crate::update::pages::DiskPages;
use crate::update::resolve::{self, Pin, Request};

/// How long it may take, the network all told.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// What the launcher would choose, sorted by name. Archives that have to be fetched for their metadata alone lie below
/// `temporary` meanwhile.
///
/// # Errors
/// When a source cannot be asked, or the requirements cannot be met.
pub(crate) fn resolve(
    net: &Net,
    places: &Places,
    request: &Request,
    temporary: &Path,
) -> Result<Vec<Pin>, Error> {
    with_catalogue(net, places, temporary, |catalogue, _| {
        let request = catalogue.with_releases(request)?;
        pins(&request, catalogue)
    })
}

/// Does something with a catalogue, which is asked each thing once, and with the store that is behind it and goes with it.
///
/// # Errors
/// Those of `work`, and when there is no room on disk.
pub(crate) fn with_catalogue<T>(
    net: &Net,
    places: &Places,
    temporary: &Path,
    work: impl FnOnce(&Catalogue<'_>, Depot<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let scratch = Scratch::under(temporary)?;
    let store = Store::under(scratch.path());
    let pages = DiskPages::new(&store, false);
    let depot = Depot { store: &store, net, pages: &pages, deadline: Deadline::after(LONGEST) };
    work(&Catalogue::new(places, depot), depot)
}

/// What the resolver chooses.
///
/// # Errors
/// When a source cannot be asked, or the requirements cannot be met.
pub(crate) fn pins(request: &Request, catalogue: &Catalogue<'_>) -> Result<Vec<Pin>, Error> {
    catalogue.warm(request);
    resolve::resolve(request, catalogue).map_err(|unsolved| catalogue.explain(unsolved))
}
