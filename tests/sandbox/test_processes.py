"""Child processes: started, heard, and ended in every case."""

import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from sandbox.processes import ChildError, Process, wait_until


def python(code):
    return [sys.executable, "-u", "-c", textwrap.dedent(code)]


def is_gone(pid):
    try:
        # A zombie whose new parent has not looked yet has ended too.
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


STUBBORN = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready")
    time.sleep(600)
"""


def test_a_line_of_standard_output_is_waited_for(tmp_path):
    with Process(
        "child", python("print('one'); print('PORT=7'); import time; time.sleep(600)"), folder=tmp_path
    ) as child:
        assert child.wait_for_line("PORT=") == "PORT=7"
        assert child.lines() == ["one", "PORT=7"]
        assert child.status is None


def test_half_a_line_is_no_line_yet(tmp_path):
    code = """
        import pathlib, sys, time
        sys.stdout.write("PORT=7")
        sys.stdout.flush()
        pathlib.Path("written").touch()
        time.sleep(600)
    """
    with Process("child", python(code), folder=tmp_path, cwd=tmp_path) as child:
        assert wait_until((tmp_path / "written").exists, 30)
        assert child.lines() == []


def test_a_child_that_found_no_room_is_told_with_what_it_said_and_what_to_do(tmp_path):
    said = (
        "ERROR Disk error\\njava.io.IOException: No space left on device\\n"
        + "\\tat java.base/a.b(Unknown Source)\\n" * 40
    )
    with Process("child", python(f"import sys; sys.exit('{said}')"), folder=tmp_path) as child:
        child.wait(30)
        with pytest.raises(ChildError) as told:
            child.check()

    assert told.value.message.rstrip().endswith("ERROR Disk error\njava.io.IOException: No space left on device")
    assert told.value.hint == f"The disk of {tmp_path} is full: make room."


def test_a_child_that_ends_without_the_line_is_told_with_what_it_said_last(tmp_path):
    with (
        Process("child", python("import sys; sys.exit('no port is free')"), folder=tmp_path) as child,
        pytest.raises(ChildError, match="child ended with status 1:\nno port is free"),
    ):
        child.wait_for_line("PORT=")


def test_a_line_that_does_not_come_in_time_is_told(tmp_path):
    with (
        Process("child", python("import time; time.sleep(600)"), folder=tmp_path) as child,
        pytest.raises(ChildError, match=r"child did not write a line 'PORT='… within 0\.1 s"),
    ):
        child.wait_for_line("PORT=", timeout_s=0.1)


def test_a_command_that_is_not_there_is_told(tmp_path):
    with (
        Process("child", ["/nowhere/at/all"], folder=tmp_path) as child,
        pytest.raises(ChildError, match="/nowhere/at/all can't be run: No such file or directory"),
    ):
        child.wait_for_line("x")


def test_the_environment_is_the_parents_with_what_is_added(tmp_path, monkeypatch):
    monkeypatch.setenv("PARENTS", "1")
    code = "import os; print('got', os.environ['PARENTS'], os.environ['ADDED'])"
    with Process("child", python(code), environment={"ADDED": "2"}, folder=tmp_path) as child:
        assert child.wait_for_line("got") == "got 1 2"


def test_stop_lets_the_child_end_by_itself(tmp_path):
    code = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        print("ready")
        time.sleep(600)
    """
    child = Process("child", python(code), folder=tmp_path)
    child.wait_for_line("ready")

    assert child.stop() == 0
    assert child.stop() == 0


def test_stop_kills_a_child_that_takes_too_long_and_its_group(tmp_path):
    code = """
        import subprocess, sys
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print("grandchild", grandchild.pid)
    """
    child = Process("child", python(textwrap.dedent(code) + textwrap.dedent(STUBBORN)), folder=tmp_path)
    grandchild = int(child.wait_for_line("grandchild").split()[1])
    child.wait_for_line("ready")

    assert child.stop(timeout_s=0.1) == -signal.SIGKILL
    assert wait_until(lambda: is_gone(grandchild), 30)


def test_a_child_started_by_a_thread_outlives_that_thread(tmp_path):
    code = f"""
        import sys, threading
        from pathlib import Path
        from sandbox.processes import Process
        sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
        started = []
        def start():
            started.append(Process("child", sleeping, folder=Path({str(tmp_path)!r})))
        thread = threading.Thread(target=start)
        thread.start()
        thread.join()
        try:
            started[0].wait(0.5)
        except Exception:
            print("still there")
    """
    done = subprocess.run(python(code), capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "still there\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child whose parent was killed")
def test_a_child_dies_with_a_parent_that_is_killed(tmp_path):
    code = f"""
        import sys, time
        from pathlib import Path
        from sandbox.processes import Process
        child = Process("child", [sys.executable, "-c", "import time; time.sleep(600)"], folder=Path({str(tmp_path)!r}))
        print("child", child.pid)
        time.sleep(600)
    """
    with Process("parent", python(code), folder=tmp_path) as parent:
        child = int(parent.wait_for_line("child").split()[1])
        assert not is_gone(child)

        os.kill(parent.pid, signal.SIGKILL)

        assert wait_until(lambda: is_gone(child), 30)


def test_a_child_is_ended_when_the_parent_ends_without_ending_it(tmp_path):
    code = f"""
        import sys
        from pathlib import Path
        from sandbox.processes import Process
        child = Process("child", [sys.executable, "-c", "import time; time.sleep(600)"], folder=Path({str(tmp_path)!r}))
        print(child.pid)
    """
    done = subprocess.run(python(code), capture_output=True, text=True, timeout=60, check=True)

    assert is_gone(int(done.stdout))
