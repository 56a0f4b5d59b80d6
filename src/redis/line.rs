//! A line to Redis that many calls share: each is bounded in time, and a lost connection is opened
//! again by the next call, to whichever server is the master then.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, FromRedisValue, Pipeline, RedisError, ScriptInvocation,
    ServerErrorKind,
};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::address::{Address, Route};
use super::unavailable;
use crate::ports::error::StoreError;

/// No answer came within the bound.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct NoAnswer(Duration);

/// One connection, which many calls share; in a cluster, one to each server.
#[derive(Clone)]
pub(super) struct Line {
    way: Way,
    /// Bound of one call, with its second attempt.
    patience: Duration,
}

#[derive(Clone)]
enum Way {
    Server(Arc<Wire>),
    Cluster(ClusterConnection),
}

/// A connection that is there or being opened; all who need it wait for the same attempt.
type Attempt = Shared<BoxFuture<'static, Result<MultiplexedConnection, RedisError>>>;

/// The connection to the server of now.
struct Wire {
    route: Arc<Route>,
    /// How long the server may take to be found.
    find: Duration,
    config: AsyncConnectionConfig,
    /// Where the connection is driven: who asks may sit on a thread that does something else.
    io: Handle,
    current: Mutex<Attempt>,
}

/// What is asked.
enum Call<'a> {
    Script(&'a ScriptInvocation<'a>),
    Pipe(&'a Pipeline),
}

impl Call<'_> {
    async fn on<T: FromRedisValue>(
        &self,
        connection: &mut impl ConnectionLike,
    ) -> Result<T, RedisError> {
        match self {
            Self::Script(script) => script.invoke_async(connection).await,
            Self::Pipe(pipe) => pipe.query_async(connection).await,
        }
    }
}

impl Line {
    /// Opens the line. `connect` bounds a connection, `response` an answer.
    pub(super) async fn open(
        address: &Address,
        connect: Duration,
        response: Duration,
    ) -> Result<Self, StoreError> {
        let patience = connect.saturating_add(response);
        let way = timeout(patience, Way::open(address, connect, response)).await;
        let way = way.map_err(|_| unavailable(NoAnswer(patience)))?.map_err(unavailable)?;
        Ok(Self { way, patience })
    }

    /// Runs a script. Like every call of this room it may be repeated.
    pub(super) async fn run<T>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError>
    where
        T: FromRedisValue + Send,
    {
        self.ask(&Call::Script(script)).await
    }

    /// Tells whether commands that are sent together may concern keys of different slots.
    pub(super) const fn is_one_server(&self) -> bool {
        matches!(self.way, Way::Server(_))
    }

    /// Sends commands together. Their keys lie in one slot, unless there is one server.
    pub(super) async fn pipe<T>(&self, pipe: &Pipeline) -> Result<T, StoreError>
    where
        T: FromRedisValue + Send,
    {
        self.ask(&Call::Pipe(pipe)).await
    }

    async fn ask<T: FromRedisValue + Send>(&self, call: &Call<'_>) -> Result<T, StoreError> {
        let asked = async {
            match &self.way {
                Way::Server(wire) => wire.ask(call).await,
                Way::Cluster(connection) => call.on(&mut connection.clone()).await,
            }
        };
        let result = timeout(self.patience, asked).await;
        result.map_err(|_| unavailable(NoAnswer(self.patience)))?.map_err(unavailable)
    }
}

impl Way {
    async fn open(
        address: &Address,
        connect: Duration,
        response: Duration,
    ) -> Result<Self, RedisError> {
        if let Some(cluster) = address.cluster(connect, response)? {
            return Ok(Self::Cluster(cluster.get_async_connection().await?));
        }
        let wire = Wire::new(address.route()?, connect, response);
        // An answer, and not only a connection: with TLS 1.3 a server says afterwards whom it refuses.
        let mut connection = wire.current().await?;
        redis::cmd("PING").exec_async(&mut connection).await?;
        Ok(Self::Server(Arc::new(wire)))
    }
}

impl Wire {
    fn new(route: Arc<Route>, connect: Duration, response: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        let io = Handle::current();
        let current = Mutex::new(attempt(&io, route.clone(), connect, config.clone()));
        Self { route, find: connect, config, io, current }
    }

    async fn ask<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T, RedisError> {
        match self.once(call).await {
            // A time-out is not repeated, so that an outage stays short.
            Err(error) if error.is_connection_dropped() || is_demoted(&error) => {
                self.once(call).await
            }
            result => result,
        }
    }

    async fn once<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T, RedisError> {
        let attempt = self.current();
        let mut connection = attempt.clone().await?;
        let result = call.on(&mut connection).await;
        if let Err(error) = &result
            && (error.is_unrecoverable_error() || error.is_timeout() || is_demoted(error))
        {
            self.leave(&attempt);
        }
        result
    }

    /// Returns the connection, or the attempt to open it. One that failed is made anew.
    fn current(&self) -> Attempt {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(current.peek(), Some(Err(_))) {
            *current = self.attempt();
        }
        current.clone()
    }

    /// Opens another connection unless somebody else has.
    fn leave(&self, broken: &Attempt) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.ptr_eq(broken) {
            *current = self.attempt();
        }
    }

    fn attempt(&self) -> Attempt {
        attempt(&self.io, self.route.clone(), self.find, self.config.clone())
    }
}

/// Begins to open a connection. It goes on when whoever asked is gone.
fn attempt(
    io: &Handle,
    route: Arc<Route>,
    find: Duration,
    config: AsyncConnectionConfig,
) -> Attempt {
    let opened = io.spawn(async move {
        let found = timeout(find, route.find()).await;
        let client = found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        client.get_multiplexed_async_connection_with_config(&config).await
    });
    // The task is not stopped and does not panic; if it were, that is a failure like any other.
    let joined =
        async move { opened.await.unwrap_or_else(|error| Err(io::Error::other(error).into())) };
    joined.boxed().shared()
}

/// A master that was made a replica refuses writes: the next one is another server.
fn is_demoted(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}
