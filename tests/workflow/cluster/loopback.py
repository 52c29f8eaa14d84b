"""A real Slurm on 127.0.0.1, of Debian's packages: two nodes on this machine, with sham GPUs, and accounting.

Without systemd and control groups: memory is limited by polling, every two seconds.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = [
    "slurmctld", "slurmd", "slurmdbd", "slurm-client", "munge", "mariadb-server-core", "mariadb-client-core",
]  # fmt: skip
# A job's inner srun finds no other file: the plugin removes SLURM_CONF from its environment.
SETTINGS = Path("/etc/slurm")
_MARK = "# written by tests/workflow/cluster/loopback.py\n"

_CONF = """\
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort=16817
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
{accounting}
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmdTimeout=20
ReturnToService=2
KillWait=5
MinJobAge=300
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port=16818 CPUs=2 CoresPerSocket=2 RealMemory=9000 Gres=gpu:1
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port=16819 CPUs=2 CoresPerSocket=2 RealMemory=9000 Gres=gpu:1
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=600
"""
_WITH_ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16820
AccountingStoreFlags=job_comment"""
_DBD_CONF = """\
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16820
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
"""


def why_not() -> str:
    """Why no Slurm can be set up here; empty if it can. Installs the packages."""
    if os.geteuid() != 0:
        return "a Slurm is set up as root"
    if not importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        return "needs pip install '.[slurm]'"
    conf = SETTINGS / "slurm.conf"
    if conf.exists() and not conf.read_text(encoding="utf-8").startswith(_MARK):
        return f"{conf}: this machine has a Slurm of its own"
    if not shutil.which("slurmctld") or not shutil.which("slurmdbd") or not shutil.which("mariadbd"):
        if not shutil.which("apt-get"):
            return "Debian's packages of Slurm are needed"
        for command in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
            done = subprocess.run(
                ["apt-get", "-qq", *command],
                capture_output=True,
                text=True,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            )
        if done.returncode:
            return f"Debian's packages of Slurm cannot be installed: {done.stderr.strip().splitlines()[-1:]}"
    return ""


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask four times per second."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.25)


@dataclass
class Cluster:
    """Its daemons, each a child process of ours."""

    folder: Path
    accounting: bool = True
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        host = socket.gethostname().partition(".")[0]
        for name in ("state", "spool-n1", "spool-n2"):
            (self.folder / name).mkdir(parents=True)
        SETTINGS.mkdir(exist_ok=True)
        accounting = _WITH_ACCOUNTING if self.accounting else "AccountingStorageType=accounting_storage/none"
        conf = _MARK + _CONF.format(host=host, folder=self.folder, accounting=accounting)
        (SETTINGS / "slurm.conf").write_text(conf, encoding="utf-8")
        # GPUs as far as Slurm knows.
        (SETTINGS / "gres.conf").write_text("NodeName=n[1-2] Name=gpu Count=1 File=/dev/zero\n", encoding="utf-8")
        run = Path("/run/munge")
        run.mkdir(exist_ok=True)
        shutil.chown(run, "munge", "munge")
        run.chmod(0o755)
        self.run_daemon("munged", "runuser", "-u", "munge", "--", "/usr/sbin/munged", "--foreground", "--force")
        wait_until(lambda: Path("/run/munge/munge.socket.2").exists(), 20, "munged listens")
        if self.accounting:
            self.start_accounting()
        self.start_controller()
        for node in ("n1", "n2"):
            self.start_node(node)
        wait_until(lambda: self.ask("sinfo", "-hN", "-o", "%t").split() == ["idle"] * 2, 60, "both nodes are idle")

    def start_accounting(self) -> None:
        """MariaDB, which listens on a socket only, and slurmdbd."""
        data, socket_file = self.folder / "database", self.folder / "database.sock"
        own = ["--no-defaults", "--user=root", f"--datadir={data}"]
        if not data.exists():
            install = ["mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db"]
            subprocess.run(install, check=True, capture_output=True)
            self.run_daemon("mariadbd", "mariadbd", *own, f"--socket={socket_file}", "--skip-networking")
            wait_until(socket_file.exists, 60, "MariaDB listens")
        conf = SETTINGS / "slurmdbd.conf"
        conf.write_text(_DBD_CONF.format(folder=self.folder), encoding="utf-8")
        conf.chmod(0o600)
        self.run_daemon("slurmdbd", "slurmdbd", "-D", environment={"MYSQL_UNIX_PORT": str(socket_file)})
        wait_until(lambda: self.succeeds("sacctmgr", "-n", "list", "cluster"), 60, "slurmdbd answers")
        if "loopback" not in self.ask("sacctmgr", "-n", "list", "cluster"):
            self.ask("sacctmgr", "-i", "add", "cluster", "loopback")

    def start_controller(self) -> None:
        self.run_daemon("slurmctld", "slurmctld", "-D")
        wait_until(lambda: self.succeeds("scontrol", "ping"), 60, "slurmctld answers")

    def start_node(self, name: str) -> None:
        self.run_daemon(name, "slurmd", "-D", "-N", name)

    def kill_node(self, name: str, job: str) -> None:
        """As if its power failed: the daemon and all processes of a job."""
        self.stop_daemon(name, signal.SIGKILL)
        for pid in self.processes(job):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def processes(self, job: str) -> list[int]:
        """Slurm's own for a job, before those that they started."""
        found: list[int] = []
        pending = [int(pid) for pid in self.ask("pgrep", "-f", rf"^slurmstepd: \[{job}\.").split()]
        while pending:
            found.append(pending.pop())
            pending += [int(child) for child in self.ask("pgrep", "-P", str(found[-1])).split()]
        return found

    def run_daemon(self, name: str, *command: str, environment: dict[str, str] | None = None) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
            )

    def stop_daemon(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        daemon = self.daemons.pop(name)
        daemon.send_signal(how)
        daemon.wait(60)

    def stop(self) -> None:
        self.succeeds("scancel", "--user=root")
        for name in ("n1", "n2", "slurmctld", "slurmdbd", "mariadbd", "munged"):
            if name in self.daemons:
                self.stop_daemon(name)
        for name in ("slurm.conf", "gres.conf", "slurmdbd.conf"):
            (SETTINGS / name).unlink(missing_ok=True)

    def succeeds(self, *command: str) -> bool:
        return subprocess.run(command, capture_output=True).returncode == 0

    def ask(self, *command: str) -> str:
        """What a command of Slurm prints; empty if it fails."""
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    def jobs(self, folder: Path) -> dict[str, str]:
        """The running jobs of the study in a folder: number and node."""
        lines = self.ask("squeue", "--states=running", "-h", "-o", "%i|%N|%Z").splitlines()
        return {number: node for number, node, at in (line.split("|", 2) for line in lines) if at == str(folder)}
