"""Folders that appear whole or not at all: written beside their final place, then renamed."""

import contextlib
import errno
import os
import shutil
import uuid

try:
    import fcntl
except ImportError:  # Windows: leftovers of a killed process then stay where they are.
    fcntl = None

PREFIX = ".zoo-writing-"
TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


@contextlib.contextmanager
def staging(parent):
    """Yield a new hidden folder inside `parent`, on the same file system, and remove it at the end.

    What is to stay is renamed out of it before. `parent` is created where it is missing, and goes again
    if nothing was left in it. What a killed process left in `parent` is removed first.

    Args:
        parent: `pathlib.Path` of the folder that will hold the result.

    Raises:
        OSError: `parent` lies below a file or cannot be written.
    """
    created = _missing(parent)
    try:
        folder, lock = _open(parent)
    except OSError as error:
        _remove_empty(created)
        raise OSError(
            error.errno, f"cannot write into {str(parent)!r}: {_reason(parent, error)}; give another folder"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _close(lock)
        _remove_empty(created)


@contextlib.contextmanager
def writing(path, *errors):
    """Turn what the disk says, as `OSError` or one of `errors`, into one error that names `path`."""
    try:
        yield
    except (OSError, *errors) as error:
        code = getattr(error, "errno", None)
        message = f"{str(path)!r} could not be written, and nothing new was left there: {error}"
        raise (OSError(code, message) if code else OSError(message)) from error


def publish(finished, parent):
    """Rename the folder `finished` to the next free version number below `parent`; return the new path.

    The number is one above the highest that is there. Where two exporters reach for the same one, renaming
    on to a folder that is not empty fails, and the later of them takes the next.
    """
    sync(finished)
    number = max(versions(parent), default=0) + 1
    while True:
        target = parent / str(number)
        try:
            os.rename(finished, target)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
            number += 1
        else:
            _sync_one(parent)
            return target


def versions(parent):
    """Return the version numbers that exist below `parent`, in rising order."""
    if not parent.is_dir():
        return []
    return sorted(int(name) for name in os.listdir(parent) if name.isascii() and name.isdigit())


def sync(folder):
    """Force every file and folder below `folder` to the disk, so that a rename never outruns its content."""
    for root, _, files in os.walk(folder, topdown=False):
        for name in files:
            _sync_one(os.path.join(root, name))
        _sync_one(root)


def _sync_one(path):
    if os.path.isdir(path) and os.name == "nt":
        return  # Windows cannot open a folder.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # Some network file systems cannot sync a folder.
            raise
    finally:
        os.close(handle)


def _missing(path):
    """Return the folders on the way to `path` that do not exist, the deepest first."""
    return [folder for folder in (path, *path.parents) if not folder.exists()]


def _reason(path, error):
    files = [str(entry) for entry in (path, *path.parents) if entry.is_file()]
    return f"{files[0]!r} is a file" if files else error.strerror


def _remove_empty(folders):
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _open(parent):
    """Create the hidden folder and lock it: the lock ends with the process, however that ends."""
    for attempt in range(100):
        parent.mkdir(parents=True, exist_ok=True)
        try:
            # Locking the parent keeps two processes from sweeping a folder that is created but not yet locked.
            gate = _lock(parent, wait=True)
            try:
                _sweep(parent)
                folder = parent / f"{PREFIX}{uuid.uuid4().hex[:12]}"
                folder.mkdir(mode=0o700)
                return folder, _lock(folder)
            finally:
                _close(gate)
        except FileNotFoundError:  # Another process that failed has just removed the empty parent.
            if attempt == 99:
                raise


def _sweep(parent):
    for entry in parent.iterdir():
        if entry.name.startswith(PREFIX):
            lock = _lock(entry)
            if lock is not None:
                shutil.rmtree(entry, ignore_errors=True)
                _close(lock)


def _lock(folder, wait=False):
    """Return a handle that holds the lock of `folder`, or None where it is taken or locks do not exist."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return None  # The folder of another user.
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle


def _close(handle):
    if handle is not None:
        os.close(handle)

