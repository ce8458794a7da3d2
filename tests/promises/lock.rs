//! `everfresh lock`: requirements become exact files, for several interpreters, the same ones until somebody says so.
