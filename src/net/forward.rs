//! Plain `http://` through an HTTP proxy: the request goes to the proxy with the whole URL in its first line
//! (RFC 9112, 3.2.2). ureq would open a tunnel with `CONNECT`, which usual proxies refuse for anything but port 443.

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// The step of the chain that makes requests name their whole URL.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForwardConnector;

impl<In: Transport> Connector<In> for ForwardConnector {
    type Out = ForwardTransport<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let authority = details.uri.authority().map_or("", |authority| authority.as_str());
        Ok(chained.map(|inner| ForwardTransport { inner, origin: format!("http://{authority}") }))
    }
}

/// A connection to a forwarding proxy, on behalf of one origin.
#[derive(Debug)]
pub(super) struct ForwardTransport<In> {
    inner: In,
    origin: String,
}

const START: &[u8] = b"GET /";

impl<In: Transport> Transport for ForwardTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = self.inner.buffers().output();
        // A request begins at a buffer's beginning, and no header line looks like that.
        if !output.get(..amount).is_some_and(|request| request.starts_with(START)) {
            return self.inner.transmit_output(amount, timeout);
        }
        let path = START.len() - 1;
        let longer = amount + self.origin.len();
        if longer > output.len() {
            return Err(Error::BadUri("longer than a request can be".into()));
        }
        output.copy_within(path..amount, path + self.origin.len());
        for (place, byte) in output.iter_mut().skip(path).zip(self.origin.bytes()) {
            *place = byte;
        }
        self.inner.transmit_output(longer, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}
