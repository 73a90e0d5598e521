//! What CPU this process really has: affinity and cgroup quota together, and what the quota took.
//!
//! Reads cgroup v1 and v2 (kernel documentation: `sched-bwc`, `cgroup-v2`), from this process's own
//! group up to the root, because any ancestor may hold the limit that binds. A group counts only
//! what its own quota took, so quota and throttling are of one group: the one that binds. A looser
//! quota runs out only because others in its group use it up too, which shows as stolen CPU. In a
//! container the group's path may lie outside of what is mounted; the mount's root is then the
//! group.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rustix::thread::CpuSet;

mod model;
mod threads;

pub use model::model;
pub use threads::ThreadTime;

/// The CPUs this process may run on, and how much of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Cpus {
    /// The CPUs that the affinity mask allows, ascending.
    pub allowed: Vec<usize>,
    /// The tightest quota above this process, in CPUs (0.25 is Kubernetes' 250m); `None`: no quota.
    pub quota: Option<f64>,
}

impl Cpus {
    /// Reads affinity and quota of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let allowed = rustix::thread::sched_getaffinity(None).map_or_else(
            |_| vec![0],
            |set| (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect(),
        );
        Self { allowed, quota: Cgroup::of_this_process().quota() }
    }

    /// Returns how many CPUs that is, at least a hundredth.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a machine has fewer than 2^52 CPUs")]
    pub fn available(&self) -> f64 {
        let allowed = self.allowed.len() as f64;
        self.quota.map_or(allowed, |quota| quota.min(allowed)).max(0.01)
    }

    /// Returns how many threads can run at once, at least 1: 250m gives one.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.01..=1024")]
    pub fn whole(&self) -> usize {
        (self.available().floor() as usize).max(1)
    }

    /// Returns whether every allowed CPU is ours in full, so that pinning to one cannot hurt.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a machine has fewer than 2^52 CPUs")]
    pub fn are_whole(&self) -> bool {
        self.quota.is_none_or(|quota| quota >= self.allowed.len() as f64)
    }
}

/// How often and how long the quota that binds stopped its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// Periods in which the quota ran out.
    pub periods: u64,
    /// Time that threads stood still for it, summed, in nanoseconds.
    pub ns: u64,
}

impl Throttling {
    /// Returns what was added since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            periods: self.periods.saturating_sub(earlier.periods),
            ns: self.ns.saturating_sub(earlier.ns),
        }
    }
}

/// What a process's control group and those above it say of the CPU.
#[derive(Clone, Debug)]
pub struct Cgroup {
    /// The tightest quota, in CPUs.
    quota: Option<f64>,
    /// Where throttling is counted: the group of that quota, or without one every group, the
    /// innermost first. Chosen once, because only counts of the same group can be subtracted.
    counting: Vec<PathBuf>,
}

impl Cgroup {
    /// Finds the control group of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self::find(Path::new("/sys/fs/cgroup"), &membership)
    }

    /// Finds the group that `membership` (the text of `/proc/PID/cgroup`) names below `mount`.
    #[must_use]
    pub fn find(mount: &Path, membership: &str) -> Self {
        let mut folders = Vec::new();
        for line in membership.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let roots = match controllers {
                "" => vec![mount.to_owned()],
                _ if is_of_cpu(controllers) => mounts_of_cpu(mount),
                _ => continue,
            };
            let path = Path::new(path.trim_start_matches('/'));
            for root in roots {
                folders.extend(path.ancestors().map(|ancestor| root.join(ancestor)));
            }
        }
        folders.retain(|folder| folder.is_dir());
        Self::reading(folders)
    }

    /// Finds the quota that binds; of the same quota twice the innermost, whose counts are the most
    /// our own.
    fn reading(folders: Vec<PathBuf>) -> Self {
        let with_quota = |folder: &PathBuf| Some((read_quota(folder)?, folder.clone()));
        let quotas = folders.iter().filter_map(with_quota);
        match quotas.min_by(|(one, _), (other, _)| one.total_cmp(other)) {
            Some((quota, folder)) => Self { quota: Some(quota), counting: vec![folder] },
            None => Self { quota: None, counting: folders },
        }
    }

    /// Returns the tightest quota from the group up to the root, in CPUs.
    #[must_use]
    pub const fn quota(&self) -> Option<f64> {
        self.quota
    }

    /// Returns what throttling the group of that quota has counted; `None` where none counts it.
    #[must_use]
    pub fn throttling(&self) -> Option<Throttling> {
        let read = |folder: &PathBuf| parse_cpu_stat(&read_file(folder, "cpu.stat")?);
        self.counting.iter().find_map(read)
    }
}

/// Returns where version 1 shows the controller `cpu`: a folder named after all that are mounted
/// with it, in an order that need not be that of `/proc/PID/cgroup`, or a link named `cpu` to it.
fn mounts_of_cpu(mount: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(mount).into_iter().flatten().flatten();
    let of_cpu = entries.filter(|entry| is_of_cpu(&entry.file_name().to_string_lossy()));
    of_cpu.map(|entry| entry.path()).collect()
}

fn is_of_cpu(controllers: &str) -> bool {
    controllers.split(',').any(|controller| controller == "cpu")
}

/// Reads the quota of one group, of version 2 or else 1.
fn read_quota(folder: &Path) -> Option<f64> {
    let v2 = read_file(folder, "cpu.max").and_then(|text| parse_cpu_max(&text));
    v2.or_else(|| {
        let quota = read_file(folder, "cpu.cfs_quota_us")?;
        let period = read_file(folder, "cpu.cfs_period_us")?;
        parse_cpu_max(&format!("{} {}", quota.trim(), period.trim()))
    })
}

fn read_file(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

/// Reads `QUOTA PERIOD` in microseconds; `max` or a negative quota is none.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Reads `nr_throttled` with `throttled_usec` (v2) or `throttled_time` (v1, nanoseconds).
fn parse_cpu_stat(text: &str) -> Option<Throttling> {
    let value = |name: &str| -> Option<u64> {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    };
    let ns = value("throttled_time ").or_else(|| Some(value("throttled_usec ")? * 1_000))?;
    Some(Throttling { periods: value("nr_throttled ")?, ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(allowed: usize, quota: Option<f64>) -> Cpus {
        Cpus { allowed: (0..allowed).collect(), quota }
    }

    #[test]
    fn affinity_and_quota_count_together() {
        assert_eq!(cpus(2, None).whole(), 2);
        assert_eq!(cpus(4, Some(0.25)).whole(), 1);
        assert_eq!(cpus(4, Some(2.5)).whole(), 2);
        assert_eq!(cpus(2, Some(16.0)).whole(), 2);
        assert!(cpus(2, Some(2.0)).are_whole());
        assert!(!cpus(2, Some(1.9)).are_whole());
    }

    /// Makes groups with files in them.
    fn tree(groups: &[(&str, &[(&str, &str)])]) -> tempfile::TempDir {
        let mount = tempfile::tempdir().unwrap();
        for (group, files) in groups {
            let folder = mount.path().join(group);
            fs::create_dir_all(&folder).unwrap();
            for (name, text) in *files {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        mount
    }

    /// A group without a quota of its own counts nothing, however long one above stops it.
    #[test]
    fn the_tightest_quota_of_a_v2_tree_binds_and_its_group_counts() {
        const UNBOUND: &str = "usage_usec 5\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n";
        const POD: &str = "usage_usec 5\nnr_periods 10\nnr_throttled 3\nthrottled_usec 1500\n";
        const ALL: &str = "usage_usec 9\nnr_periods 90\nnr_throttled 1\nthrottled_usec 7\n";
        let mount = tree(&[
            ("kubepods", &[("cpu.max", "400000 100000\n"), ("cpu.stat", ALL)]),
            ("kubepods/pod1", &[("cpu.max", "33300 100000\n"), ("cpu.stat", POD)]),
            ("kubepods/pod1/c1", &[("cpu.max", "max 100000\n"), ("cpu.stat", UNBOUND)]),
            ("kubepods/pod2/c2", &[("cpu.max", "max 100000\n"), ("cpu.stat", UNBOUND)]),
            ("user.slice", &[("cpu.max", "max 100000\n"), ("cpu.stat", UNBOUND)]),
        ]);
        let of = |path: &str| Cgroup::find(mount.path(), &format!("0::/{path}\n"));
        let group = of("kubepods/pod1/c1");
        assert_eq!(group.quota(), Some(0.333));
        assert_eq!(group.throttling(), Some(Throttling { periods: 3, ns: 1_500_000 }));
        let loose = of("kubepods/pod2/c2");
        assert_eq!(loose.quota(), Some(4.0));
        assert_eq!(loose.throttling(), Some(Throttling { periods: 1, ns: 7_000 }));
        let unbound = of("user.slice");
        assert_eq!((unbound.quota(), unbound.throttling()), (None, Some(Throttling::default())));
    }

    /// Files as nodes have shown them: a kubelet's groups made by systemd, as they are seen from
    /// the node, and what one container of them sees of itself.
    #[test]
    fn recorded_groups_of_nodes_are_read() {
        const POD: &str = "kubepods.slice/kubepods-pod2fdafb62_3de2_43e6_900a_eda4bf1982db.slice";
        const SCOPE: &str = concat!(
            "cri-containerd-d30a5394062be7df6b9d9297e4fb6e30",
            "561e1c5f949e66acded795d17f05528b.scope"
        );
        const POD_STAT: &str = concat!(
            "usage_usec 8099091679\nuser_usec 8089018953\nsystem_usec 10072726\n",
            "nr_periods 7607\nnr_throttled 4174\nthrottled_usec 3322148518\n",
            "nr_bursts 0\nburst_usec 0\n"
        );
        const SCOPE_STAT: &str = concat!(
            "usage_usec 988930037\nuser_usec 980846160\nsystem_usec 8083877\n",
            "nr_periods 1197\nnr_throttled 496\nthrottled_usec 395384834\n",
            "nr_bursts 0\nburst_usec 0\n"
        );
        // The root of a node has no quota to count for; newer kernels say more of other things.
        const ROOT_STAT: &str = concat!(
            "usage_usec 38354643000\nuser_usec 29454747000\nsystem_usec 8899896000\n",
            "nice_usec 47780000\ncore_sched.force_idle_usec 0\n"
        );
        let node = tempfile::tempdir().unwrap();
        let (pod, scope) = (node.path().join(POD), node.path().join(POD).join(SCOPE));
        fs::create_dir_all(&scope).unwrap();
        for (folder, max, stat) in [
            (node.path().to_owned(), None, ROOT_STAT),
            (node.path().join("kubepods.slice"), Some("max 100000\n"), ROOT_STAT),
            (pod, Some("400000 100000\n"), POD_STAT),
            (scope, Some("400000 100000\n"), SCOPE_STAT),
        ] {
            fs::write(folder.join("cpu.stat"), stat).unwrap();
            if let Some(max) = max {
                fs::write(folder.join("cpu.max"), max).unwrap();
            }
        }
        let counted = Throttling { periods: 496, ns: 395_384_834_000 };
        let of_node = Cgroup::find(node.path(), &format!("0::/{POD}/{SCOPE}\n"));
        assert_eq!((of_node.quota(), of_node.throttling()), (Some(4.0), Some(counted)));
        // Within the container that group is the root of all that is mounted.
        let of_container = Cgroup::find(&node.path().join(POD).join(SCOPE), "0::/\n");
        assert_eq!((of_container.quota(), of_container.throttling()), (Some(4.0), Some(counted)));
        let nothing = Cgroup::find(node.path(), "0::/\n");
        assert_eq!((nothing.quota(), nothing.throttling()), (None, None));
    }

    #[test]
    fn the_tightest_quota_of_a_v1_tree_binds_and_its_group_counts() {
        const UNBOUND: &str = "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n";
        const BOUND: &str = "nr_periods 9\nnr_throttled 2\nthrottled_time 77\n";
        let period = ("cpu.cfs_period_us", "100000\n");
        let none = ("cpu.cfs_quota_us", "-1\n");
        let mount = tree(&[
            ("cpu,cpuacct", &[none, period, ("cpu.stat", UNBOUND)]),
            ("cpu,cpuacct/pod1", &[("cpu.cfs_quota_us", "12500\n"), period, ("cpu.stat", BOUND)]),
            ("cpu,cpuacct/pod1/c1", &[none, period, ("cpu.stat", UNBOUND)]),
            ("cpuset/pod1/c1", &[]),
        ]);
        let membership = "9:name=systemd:/\n4:cpu,cpuacct:/pod1/c1\n3:cpuset:/pod1/c1\n";
        let group = Cgroup::find(mount.path(), membership);
        assert_eq!(group.quota(), Some(0.125));
        assert_eq!(group.throttling(), Some(Throttling { periods: 2, ns: 77 }));
    }

    /// RHEL 7 says `cpuacct,cpu` of what it mounts as `cpu,cpuacct`; others mount each by itself.
    #[test]
    fn a_v1_mount_is_found_by_its_controller() {
        let bound = [("cpu.cfs_quota_us", "50000\n"), ("cpu.cfs_period_us", "100000\n")];
        for folder in ["cpu,cpuacct", "cpuacct,cpu", "cpu"] {
            let mount = tree(&[(&format!("{folder}/docker/1"), &bound), ("cpuset/docker/1", &[])]);
            for controllers in ["cpu,cpuacct", "cpuacct,cpu", "cpu"] {
                let membership = format!("5:cpuset:/docker/1\n4:{controllers}:/docker/1\n");
                let quota = Cgroup::find(mount.path(), &membership).quota();
                assert_eq!(quota, Some(0.5), "{controllers} in {folder}");
            }
        }
    }

    #[test]
    fn a_path_outside_of_the_mount_means_its_root() {
        let mount = tempfile::tempdir().unwrap();
        fs::write(mount.path().join("cpu.max"), "150000 100000").unwrap();
        let group = Cgroup::find(mount.path(), "0::/../../elsewhere/c1\n");
        assert_eq!(group.quota(), Some(1.5));
        assert_eq!(Cgroup::find(mount.path(), "").quota(), None);
        assert_eq!(parse_cpu_max("-1 100000"), None);
    }
}
