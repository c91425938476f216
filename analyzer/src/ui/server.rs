//! The server: on loopback only, for who has the token.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;

use super::explorer::Explorer;
use super::guard::{Token, guard};
use super::{api, assets};

/// A server that listens, and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
}

impl Server {
    /// Listens on a port of 127.0.0.1; 0 for any that is free.
    ///
    /// # Errors
    /// The port is taken; the system has no random numbers.
    pub fn bind(port: u16) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        Ok(Server {
            address: listener.local_addr()?,
            listener,
            token: Token::new()?,
        })
    }

    /// Where the page is. The token stands in the fragment, which no browser sends to a server or hands on as a referrer.
    pub fn url(&self) -> String {
        format!("http://{}/#token={}", self.address, self.token.text())
    }

    /// Answers for as long as the process lives.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn run(self, explorer: Arc<Explorer>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            axum::serve(listener, router(explorer, self.token)).await
        })
    }
}

/// Everything that is answered.
pub fn router(explorer: Arc<Explorer>, token: Token) -> Router {
    Router::new()
        .nest("/api", api::router())
        .merge(assets::router())
        .with_state(explorer)
        .layer(from_fn_with_state(Arc::new(token), guard))
}
