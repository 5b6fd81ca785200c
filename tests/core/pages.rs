//! Lists are read page by page, and given up if they do not end.

use std::cell::Cell;
use std::error::Error;
use std::pin::pin;

use futures_util::TryStreamExt;
use snapferry::domain::run::failure::{Operation, Owner};
use snapferry::ports::{Endless, Page, PortError, RdsError, all_rows, pages};

use crate::world::{SOURCE, region, run};

/// A list of this many pages of one row each, which counts how often it is read.
struct List {
    length: usize,
    asked: Cell<usize>,
}

impl List {
    fn of(length: usize) -> Self {
        let asked = Cell::new(0);
        Self { length, asked }
    }

    async fn page(&self, marker: Option<String>) -> Result<Page<usize>, PortError> {
        self.asked.set(self.asked.get() + 1);
        let from: usize = marker.map_or(0, |marker| marker.parse().unwrap());
        Ok(Page {
            unreadable: Vec::new(),
            items: vec![from],
            next: (from + 1 < self.length).then(|| (from + 1).to_string()),
        })
    }
}

fn endless(endless: Endless) -> PortError {
    PortError::endless("ListExecutions", endless)
}

#[test]
fn all_rows_of_a_list_are_read_up_to_the_last_page_that_it_may_have() {
    for length in 1..=3 {
        let list = List::of(length);
        let rows = run(all_rows(3, endless, |marker| list.page(marker))).unwrap();
        assert_eq!(rows, Vec::from_iter(0..length));
        assert_eq!(list.asked.get(), length);
    }
}

#[test]
fn a_list_that_does_not_end_is_an_error_that_says_so() {
    let list = List::of(usize::MAX);
    let error = run(all_rows(3, endless, |marker| list.page(marker))).unwrap_err();
    assert_eq!(list.asked.get(), 3);
    assert_eq!(error.action, "ListExecutions");
    let source = error.source().unwrap().downcast_ref();
    assert_eq!(source, Some(&Endless { pages: 3 }));
}

#[test]
fn a_page_is_asked_for_only_when_the_one_before_has_been_used() {
    let list = List::of(3);
    let mut pages = pin!(pages(3, endless, |marker| list.page(marker)));
    for used in 1..=3 {
        let page = run(pages.try_next()).unwrap();
        assert!(page.is_some());
        assert_eq!(list.asked.get(), used);
    }
    assert!(run(pages.try_next()).unwrap().is_none());
}

#[test]
fn an_endless_list_of_rds_is_worth_another_try() {
    let endless = Endless { pages: 3 };
    let error = RdsError::endless(Operation::DescribeDbClusters, &region(SOURCE), endless);
    assert_eq!(error.owner(), Owner::Transient);
    let text = error.to_string();
    assert!(text.contains("DescribeDBClusters in eu-west-1"), "{text}");
    assert!(text.contains("does not end"), "{text}");
}
