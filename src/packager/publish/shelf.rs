//! A destination as it is laid out: `files/` first, then `simple/`, then what a channel points at.

use crate::fs;
use crate::host::Host;
use crate::package::name::ProjectName;
use crate::source::s3::Written;
use crate::trust::hashes::sha256_hex;

use super::super::destination::{Destination, Kind, Version};
use super::super::failure::Failure;
use super::super::index_page::{Entry, ProjectPage, RootPage};
use super::parcel::Parcel;

/// How often a page is read again because somebody else wrote it meanwhile.
const PATIENCE: usize = 20;

/// What happens to a file that is there already with other bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replace {
    /// It stays, and that is an error.
    Never,
    /// It is replaced.
    Force,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shelved {
    /// It is there now.
    Uploaded,
    /// It was there.
    There,
    /// It is there now in another one's place.
    Replaced,
}

impl Shelved {
    /// For a person.
    pub(crate) fn words(self, dry: bool) -> &'static str {
        match (self, dry) {
            (Self::There, _) => "is there already",
            (Self::Uploaded, false) => "uploaded",
            (Self::Replaced, false) => "replaced",
            (Self::Uploaded, true) => "would be uploaded",
            (Self::Replaced, true) => "would be replaced",
        }
    }
}

/// A destination with a layout.
pub(crate) struct Shelf {
    /// Where it is.
    pub(crate) destination: Destination,
    /// Whether nothing is written.
    pub(crate) dry: bool,
}

impl Shelf {
    /// Brings a file there, unless it is there.
    ///
    /// # Errors
    /// When another one has its name.
    pub(crate) fn put(
        &mut self,
        parcel: &Parcel,
        replace: Replace,
        sent: &mut dyn FnMut(u64),
    ) -> Result<Shelved, Failure> {
        let key = format!("files/{}", parcel.filename);
        let mut shelved = self.compare(&key, parcel, replace)?;
        if self.dry || shelved == Shelved::There {
            return Ok(shelved);
        }
        let force = shelved == Shelved::Replaced;
        if self.destination.upload(&key, &parcel.path, &parcel.sha256, force, sent)? == Written::Conflict {
            // Somebody else was quicker.
            shelved = self.compare(&key, parcel, Replace::Never)?;
        }
        self.destination.write(&format!("{key}.metadata"), &parcel.metadata, Kind::Metadata)?;
        Ok(shelved)
    }

    fn compare(&mut self, key: &str, parcel: &Parcel, replace: Replace) -> Result<Shelved, Failure> {
        let Some(found) = self.destination.look_up(key)? else { return Ok(Shelved::Uploaded) };
        let sha256 = match found.sha256 {
            Some(sha256) => Some(sha256),
            None => {
                self.page(&parcel.name.project)?.0.file(&parcel.filename).map(|entry| entry.sha256.clone())
            }
        };
        let same = match (&sha256, &found.etag) {
            (Some(sha256), _) => *sha256 == parcel.sha256,
            (None, etag) => etag.as_ref() == Some(&parcel.md5),
        };
        match replace {
            _ if same => Ok(Shelved::There),
            Replace::Force => Ok(Shelved::Replaced),
            Replace::Never => Err(Failure::Different { at: self.destination.shown(key) }),
        }
    }

    /// What the index says of a project, and the version of that page.
    pub(crate) fn page(&mut self, project: &ProjectName) -> Result<(ProjectPage, Option<Version>), Failure> {
        let key = format!("simple/{project}/index.json");
        let Some((bytes, version)) = self.destination.read(&key, fs::SMALL_FILE)? else {
            return Ok((ProjectPage::empty(project), None));
        };
        let page =
            ProjectPage::read(&bytes).ok_or_else(|| Failure::NotOurs { at: self.destination.shown(&key) })?;
        Ok((page, Some(version)))
    }

    /// Changes what the index says of a project, however many others do so at the same time.
    pub(crate) fn change_page(
        &mut self,
        project: &ProjectName,
        change: &mut dyn FnMut(&mut ProjectPage),
    ) -> Result<(), Failure> {
        let key = format!("simple/{project}/index.json");
        for _ in 0..PATIENCE {
            let (before, version) = self.page(project)?;
            let mut page = before.clone();
            change(&mut page);
            if page == before && version.is_some() {
                return Ok(());
            }
            if self.dry {
                return Ok(());
            }
            let json = page.json();
            if self.destination.write_if(&key, json.as_bytes(), Kind::Json, version.as_ref())?
                == Written::Done
            {
                return self.follow(project, page).and_then(|()| self.list_project(project));
            }
        }
        Err(Failure::Contended { at: self.destination.shown(&key) })
    }

    /// Writes the HTML form until it is that of the newest JSON form: the last writer's need not be the newest.
    fn follow(&mut self, project: &ProjectName, mut page: ProjectPage) -> Result<(), Failure> {
        for _ in 0..PATIENCE {
            self.write_html(&format!("simple/{project}/"), &page.html())?;
            let (newest, _) = self.page(project)?;
            if newest == page {
                break;
            }
            page = newest;
        }
        Ok(())
    }

    /// Adds a project to the page of all.
    fn list_project(&mut self, project: &ProjectName) -> Result<(), Failure> {
        let key = "simple/index.json";
        for _ in 0..PATIENCE {
            let read = self.destination.read(key, fs::SMALL_FILE)?;
            let mut root =
                RootPage::read(read.as_ref().map(|(bytes, _)| bytes.as_slice()).unwrap_or_default());
            if !root.0.insert(project.clone()) && read.is_some() {
                return Ok(());
            }
            let version = read.map(|(_, version)| version);
            let json = root.json();
            if self.destination.write_if(key, json.as_bytes(), Kind::Json, version.as_ref())? == Written::Done
            {
                return self.write_html("simple/", &root.html());
            }
        }
        Err(Failure::Contended { at: self.destination.shown(key) })
    }

    fn write_html(&mut self, folder: &str, html: &str) -> Result<(), Failure> {
        self.destination.write(&format!("{folder}index.html"), html.as_bytes(), Kind::Html)?;
        if self.destination.has_folder_objects() {
            // What a bucket answers where a web server would look for index.html.
            self.destination.write(folder, html.as_bytes(), Kind::Html)?;
        }
        Ok(())
    }

    /// Tells the index of a file that is there.
    pub(crate) fn list(&mut self, parcel: &Parcel, host: &Host) -> Result<(), Failure> {
        let uploaded = host.now().to_string();
        self.change_page(&parcel.name.project, &mut |page| {
            let known = page.file(&parcel.filename).filter(|entry| entry.sha256 == parcel.sha256).cloned();
            let entry = Entry {
                filename: parcel.filename.clone(),
                sha256: parcel.sha256.clone(),
                size: parcel.size,
                requires_python: parcel.requires_python.clone(),
                uploaded: known.as_ref().map_or_else(|| uploaded.clone(), |known| known.uploaded.clone()),
                metadata: Some(sha256_hex(&parcel.metadata)),
                yanked: known.and_then(|known| known.yanked),
            };
            page.insert(entry);
        })
    }

    /// Takes files away, after the index has stopped telling of them.
    pub(crate) fn remove(&mut self, project: &ProjectName, filenames: &[String]) -> Result<(), Failure> {
        self.change_page(project, &mut |page| {
            page.files.retain(|entry| !filenames.contains(&entry.filename));
        })?;
        if self.dry {
            return Ok(());
        }
        for filename in filenames {
            for key in [format!("files/{filename}"), format!("files/{filename}.metadata")] {
                self.destination.delete(&key)?;
            }
        }
        Ok(())
    }
}
