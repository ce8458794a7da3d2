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
    let scratch = Scratch::under(temporary)?;
    let store = Store::under(scratch.path());
    let pages = DiskPages::new(&store, false);
    let catalogue = Catalogue::new(
        places,
        Depot { store: &store, net, pages: &pages, deadline: Deadline::after(LONGEST) },
    );
    let request = catalogue.with_releases(request)?;
    catalogue.warm(&request);
    resolve::resolve(&request, &catalogue).map_err(|unsolved| catalogue.explain(unsolved))
}
