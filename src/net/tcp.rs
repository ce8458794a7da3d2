//! A TCP connection as ureq carries it.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::transport::time::Duration as Allowed;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

/// The connection and its buffers.
pub(super) struct Tcp {
    stream: TcpStream,
    buffers: LazyBuffers,
}

impl Tcp {
    pub(super) fn new(stream: TcpStream, config: &Config) -> Self {
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Self { stream, buffers }
    }

    /// Whether nobody has closed it or sent what was not asked for.
    fn is_quiet(&self) -> io::Result<bool> {
        self.stream.set_nonblocking(true)?;
        let result = (&self.stream).read(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
    }
}

/// What a socket can be told: never zero, which would mean no limit at all.
fn limit(timeout: NextTimeout) -> Result<Option<Duration>, Error> {
    match timeout.after {
        Allowed::NotHappening => Ok(None),
        Allowed::Exact(left) if left.is_zero() => Err(Error::Timeout(timeout.reason)),
        Allowed::Exact(left) => Ok(Some(left.max(Duration::from_micros(1)))),
    }
}

fn lost(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(limit(timeout)?)?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        (&self.stream).write_all(output).map_err(|error| lost(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_timeout(limit(timeout)?)?;
        let place = self.buffers.input_append_buf();
        let amount = loop {
            match (&self.stream).read(place) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|error| lost(error, timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.is_quiet().unwrap_or(false)
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tcp")
    }
}
