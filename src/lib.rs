//! Snapferry keeps a restorable copy of every RDS and Aurora database in another region.
