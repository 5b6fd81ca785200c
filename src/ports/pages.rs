//! Lists that are read page by page, up to a limit that no list should reach.

use std::future::Future;

use futures_util::{Stream, TryStreamExt, stream};
use thiserror::Error;

use super::error::{PortError, RdsError};
use super::table::{ListOpen, OpenMarker, OpenPage};
use crate::domain::id::arn::Region;
use crate::domain::rds::database::UnreadableRow;
use crate::domain::run::failure::Operation;
use crate::domain::run::wait::Wait;

/// How many pages any list may have. A page holds about a hundred rows, and no account comes near this: 5,000 databases
/// with 35 automated snapshots each have 1,750 pages.
pub const PAGES_MAX: usize = 2_000;

/// A list that does not end: it has more pages than any list should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the list does not end: it has more than {pages} pages")]
pub struct Endless {
    /// How many pages were read.
    pub pages: usize,
}

impl RdsError {
    /// The error for a list of RDS that does not end.
    #[must_use]
    pub fn endless(operation: Operation, region: &Region, endless: Endless) -> Self {
        Self {
            operation,
            region: region.clone(),
            code: None,
            message: endless.to_string(),
            source: Some(Box::new(endless)),
        }
    }
}

impl PortError {
    /// The error for a list of this action that does not end.
    #[must_use]
    pub fn endless(action: &'static str, endless: Endless) -> Self {
        Self {
            action,
            code: None,
            source: Some(Box::new(endless)),
        }
    }
}

/// A page of a list, and the marker of the next.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows that can be read.
    pub items: Vec<T>,
    /// The databases whose rows cannot be read; other lists have none.
    pub unreadable: Vec<UnreadableRow>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of rows that can all be read.
    #[must_use]
    pub fn new(items: Vec<T>, next: Option<String>) -> Self {
        Self {
            items,
            unreadable: Vec::new(),
            next,
        }
    }
}

/// A page that says where the next one begins.
pub trait Continues {
    /// The marker of a page.
    type Marker;

    /// Where the next page begins. `None` on the last page.
    fn take_next(&mut self) -> Option<Self::Marker>;
}

impl<T> Continues for Page<T> {
    type Marker = String;

    fn take_next(&mut self) -> Option<String> {
        self.next.take()
    }
}

impl Continues for OpenPage {
    type Marker = OpenMarker;

    fn take_next(&mut self) -> Option<OpenMarker> {
        self.next.take()
    }
}

/// The pages of a list. Each is requested when the stream is polled for it. After `max` pages the list counts as endless.
pub fn pages<P, E, F>(
    max: usize,
    endless: impl Fn(Endless) -> E,
    mut ask: impl FnMut(Option<P::Marker>) -> F,
) -> impl Stream<Item = Result<P, E>>
where
    P: Continues,
    F: Future<Output = Result<P, E>>,
{
    let mut asked = 0;
    stream::try_unfold(Some(None), move |from: Option<Option<P::Marker>>| {
        let answer = from.map(|marker| {
            if asked == max {
                return Err(endless(Endless { pages: max }));
            }
            asked += 1;
            // Boxed, so that the future of the use case does not hold the whole call twice.
            Ok(Box::pin(ask(marker)))
        });
        async move {
            let Some(answer) = answer else {
                return Ok(None);
            };
            let mut page = answer?.await?;
            let next = page.take_next().map(Some);
            Ok(Some((page, next)))
        }
    })
}

/// The rows of all pages of a list.
///
/// # Errors
/// If a page cannot be read, or the list does not end.
pub async fn all_rows<T, E, F>(
    max: usize,
    endless: impl Fn(Endless) -> E,
    ask: impl FnMut(Option<String>) -> F,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<Page<T>, E>>,
{
    pages(max, endless, ask)
        .map_ok(|page| page.items)
        .try_concat()
        .await
}

/// The pages of all open waits.
pub fn open_pages<W: ListOpen>(world: &W) -> impl Stream<Item = Result<OpenPage, PortError>> {
    let endless = |endless| PortError::endless("Query", endless);
    pages(PAGES_MAX, endless, |from| world.list_open(from))
}

/// All open waits.
///
/// # Errors
/// If a page cannot be read, or the list does not end.
pub async fn open_waits<W: ListOpen>(world: &W) -> Result<Vec<Wait>, PortError> {
    let waits = open_pages(world).map_ok(|page| page.waits);
    waits.try_concat().await
}
