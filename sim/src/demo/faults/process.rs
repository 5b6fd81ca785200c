//! Finds the process at the other end of a loopback connection, from what Linux reports.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Kills the process of `group` whose end of a connection is `peer`. False if there is none.
pub(super) fn kill_owner(peer: SocketAddr, group: i32) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let Some(inode) = inode_of(&table, peer) else {
        return false;
    };
    let wanted = format!("socket:[{inode}]");
    let Ok(processes) = fs::read_dir("/proc") else {
        return false;
    };
    let found = processes.flatten().find_map(|entry| {
        let id = entry.file_name().to_str()?.parse::<i32>().ok()?;
        // Check the group first: a process of another group is not one of the demo's, whatever it holds open.
        let of_group = group_of(&entry.path()) == Some(group) && id != group;
        (of_group && holds(&entry.path(), &wanted)).then_some(id)
    });
    let process = found.and_then(Pid::from_raw);
    process.is_some_and(|process| kill_process(process, Signal::KILL).is_ok())
}

fn group_of(process: &Path) -> Option<i32> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // After the command's name, which is in parentheses: the state, the parent, the group.
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(2)?
        .parse()
        .ok()
}

fn holds(process: &Path, socket: &str) -> bool {
    let Ok(open) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    open.flatten()
        .any(|file| fs::read_link(file.path()).is_ok_and(|to| to == Path::new(socket)))
}

/// The inode of the socket whose local address is `local`, in the form of `/proc/net/tcp`: addresses as
/// hexadecimal in the machine's byte order, the local one as the second field, the inode as the tenth.
fn inode_of(table: &str, local: SocketAddr) -> Option<u64> {
    let SocketAddr::V4(local) = local else {
        return None;
    };
    let address = format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(local.ip().octets()),
        local.port()
    );
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(1) == Some(&address.as_str()))
            .then(|| fields.get(9)?.parse().ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_owner_of_a_connection_is_found_by_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let inode = inode_of(&table, ours.local_addr().unwrap()).unwrap();
        assert!(holds(Path::new("/proc/self"), &format!("socket:[{inode}]")));
    }

    #[test]
    fn a_process_of_another_group_is_never_killed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        // The test's own process holds it; no process has the group 0.
        assert!(!kill_owner(ours.local_addr().unwrap(), 0));
    }
}
