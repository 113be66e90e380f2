//! Where a private database lives, who runs it, and the lock that keeps two of us apart.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::unistd::{User, getegid, geteuid};
use sha2::{Digest, Sha256};

use super::PrivateError;

/// A socket's path must fit 107 bytes, with `/.s.PGSQL.5432.lock` behind the folder.
const LONGEST_SOCKET_FOLDER: usize = 85;

/// Where root keeps a database whose user cannot enter the data folder, such as one in `/root`.
const SHARED: &str = "/var/lib/parallax";

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> PrivateError {
    let path = path.to_owned();
    move |cause| PrivateError::Folder { path, cause }
}

/// The user the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// We are root and become this user for it.
    pub(super) switch: bool,
}

impl Account {
    /// Ourselves, or `postgres` where we are root.
    pub(super) fn choose() -> Result<Self, PrivateError> {
        if !geteuid().is_root() {
            let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
            return Ok(Self { name: format!("with id {uid}"), uid, gid, switch: false });
        }
        let user = User::from_name("postgres").ok().flatten().ok_or(PrivateError::NoAccount)?;
        Ok(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), switch: true })
    }

    /// The first folder on the way to `root` that this user cannot enter.
    fn closed_on_the_way(&self, root: &Path) -> Result<Option<PathBuf>, PrivateError> {
        if self.switch {
            for folder in root.ancestors() {
                if !self.may_enter(&fs::metadata(folder).map_err(at(folder))?) {
                    return Ok(Some(folder.into()));
                }
            }
        }
        Ok(None)
    }

    fn may_enter(&self, folder: &fs::Metadata) -> bool {
        let wanted = match folder {
            of if of.uid() == self.uid => 0o100,
            of if of.gid() == self.gid => 0o010,
            _ => 0o001,
        };
        folder.mode() & wanted != 0
    }
}

/// The places of one private database.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    pub(super) account: Account,
    /// The folder we were given.
    pub(super) root: PathBuf,
    /// The cluster itself.
    pub(super) data: PathBuf,
    /// Holds the socket; nobody else may enter.
    pub(super) socket: PathBuf,
    /// What the server says.
    pub(super) log: PathBuf,
    lock: PathBuf,
}

impl Folders {
    /// Makes what is missing, and sees that `account` can get there.
    pub(super) fn prepare(data_dir: &Path, account: Account) -> Result<Self, PrivateError> {
        DirBuilder::new().recursive(true).mode(0o711).create(data_dir).map_err(at(data_dir))?;
        let root = data_dir.canonicalize().map_err(at(data_dir))?;
        let place = match account.closed_on_the_way(&root)? {
            Some(closed) => elsewhere(&root, &closed, &account)?,
            None => root.clone(),
        };
        let socket = socket_folder(&place);
        make_private(&socket, &account)?;
        Ok(Self {
            data: place.join("postgres"),
            log: place.join("postgres.log"),
            lock: root.join("postgres.lock"),
            root,
            socket,
            account,
        })
    }

    /// Major version of the data there are, as they say.
    pub(super) fn made_by(&self) -> Option<String> {
        fs::read_to_string(self.data.join("PG_VERSION")).ok().map(|text| text.trim().to_owned())
    }

    /// Whether there are data.
    pub(super) fn is_initialised(&self) -> bool {
        self.data.join("PG_VERSION").is_file()
    }

    /// An empty folder of the account's in which data are made, to be renamed once complete.
    pub(super) fn fresh(&self) -> Result<PathBuf, PrivateError> {
        let fresh = self.data.with_file_name("postgres.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(at(&fresh))?;
        }
        make_private(&fresh, &self.account)?;
        Ok(fresh)
    }

    /// Puts complete data in their place.
    pub(super) fn settle(&self, fresh: &Path) -> Result<(), PrivateError> {
        fs::rename(fresh, &self.data).map_err(at(&self.data))
    }

    /// Removes the socket's folder, once nobody listens there.
    pub(super) fn forget_socket(&self) {
        let _ = fs::remove_dir(&self.socket);
    }

    /// The log, opened to go on; a long one starts anew.
    pub(super) fn open_log(&self) -> Result<File, PrivateError> {
        let long = fs::metadata(&self.log).is_ok_and(|log| log.len() > 8 << 20);
        let mut options = OpenOptions::new();
        options.create(true).mode(0o600).append(true);
        if long {
            fs::remove_file(&self.log).map_err(at(&self.log))?;
        }
        options.open(&self.log).map_err(at(&self.log))
    }

    /// The last lines of the log.
    pub(super) fn log_tail(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut log = File::open(&self.log)?;
            let length = log.metadata()?.len();
            log.seek(std::io::SeekFrom::Start(length.saturating_sub(2048)))?;
            let mut bytes = Vec::new();
            log.take(2048).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        last_lines(&read().unwrap_or_default())
    }
}

/// The last five lines, as one.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

/// Where the data go when root's own folder is closed to `account`: a folder under [`SHARED`], to
/// which `postgres` in `root` then points. Removing `root` means beginning anew.
fn elsewhere(root: &Path, closed: &Path, account: &Account) -> Result<PathBuf, PrivateError> {
    let refused = || PrivateError::Closed { folder: closed.into(), user: account.name.clone() };
    let link = root.join("postgres");
    if let Ok(target) = fs::read_link(&link) {
        return target.parent().map(PathBuf::from).ok_or_else(refused);
    }
    if link.exists() {
        return Err(refused());
    }
    let place = Path::new(SHARED).join(uuid::Uuid::new_v4().simple().to_string());
    DirBuilder::new().recursive(true).mode(0o711).create(&place).map_err(at(&place))?;
    if account.closed_on_the_way(&place)?.is_some() {
        return Err(refused());
    }
    symlink(place.join("postgres"), &link).map_err(at(&link))?;
    tracing::info!(folder = %place.display(), "the database user cannot enter the data folder; the database is kept apart");
    Ok(place)
}

fn socket_folder(root: &Path) -> PathBuf {
    let beside = root.join("socket");
    if beside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        return beside;
    }
    let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
    let name = digest.iter().take(8).fold(0_u64, |name, byte| name << 8 | u64::from(*byte));
    Path::new("/tmp").join(format!("parallax-{name:016x}"))
}

/// A folder that only `account` may enter. One that is there already must be just that, since in
/// `/tmp` anybody could have put it there.
fn make_private(folder: &Path, account: &Account) -> Result<(), PrivateError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) if account.switch => chown(folder, Some(account.uid), Some(account.gid)).map_err(at(folder)),
        Ok(()) => Ok(()),
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
            let there = fs::symlink_metadata(folder).map_err(at(folder))?;
            let ours = there.is_dir() && there.uid() == account.uid && there.mode() & 0o777 == 0o700;
            if ours { Ok(()) } else { Err(PrivateError::Foreign(folder.into())) }
        }
        Err(cause) => Err(at(folder)(cause)),
    }
}

/// Held by the one process that uses the data; the system gives it back when that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Takes the lock, or names who has it.
    pub(super) fn take(folders: &Folders) -> Result<Self, PrivateError> {
        let path = &folders.lock;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let file = options.open(path).map_err(at(path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut held) => {
                let write = |file: &mut File| {
                    file.set_len(0)?;
                    file.write_all(std::process::id().to_string().as_bytes())
                };
                write(&mut held).map_err(at(path))?;
                Ok(Self { _file: held })
            }
            Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(at(path))?;
                Err(PrivateError::InUse { folder: folders.root.clone(), pid })
            }
            Err((_, errno)) => Err(at(path)(errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_moves_the_socket_to_a_short_one_of_its_own() {
        let short = Path::new("/var/lib/parallax");
        assert_eq!(socket_folder(short), short.join("socket"));
        let long = PathBuf::from("/home").join("a".repeat(120));
        let other = PathBuf::from("/home").join("b".repeat(120));
        let (one, two) = (socket_folder(&long), socket_folder(&other));
        assert!(one.as_os_str().len() <= LONGEST_SOCKET_FOLDER, "{}", one.display());
        assert_ne!(one, two);
        assert_eq!(one, socket_folder(&long));
    }

    #[test]
    fn the_end_of_a_log_is_its_last_five_lines() {
        assert_eq!(last_lines("1\n2\n\n3\n4\n5\n6\n"), "2 | 3 | 4 | 5 | 6");
        assert_eq!(last_lines(""), "");
    }
}
