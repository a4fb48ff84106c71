"""What the integration tests share: namespaces of their own, daemons that say when they are ready, checks that explain themselves.

    import netlab
    netlab.isolate()                                  # first line of a test: private network, processes, mounts
    with netlab.Daemon('lab-dnsd', '--config', file) as dns:
        ...
    netlab.run_tests(globals())                       # every function test_…, in order
"""
import os, shutil, signal, socket, subprocess, sys, tempfile, time, traceback

BIN = os.environ.get('LAB_BIN', os.path.join(os.path.dirname(__file__), '../../build/release/bin'))
DEADLINE = float(os.environ.get('LAB_TEST_DEADLINE', 20))  # seconds until something that should happen counts as missing; only a failure waits that long


def skip(reason):
    print('skipped:', reason)
    sys.exit(77)


def isolate():
    """Runs this script again inside new user, network, process and mount namespaces and with a temporary folder of its own:
    as root or not, nothing is left."""
    if os.environ.get('LAB_ISOLATED') == '1':
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        return
    command = ['unshare', '--user', '--map-root-user', '--net', '--pid', '--fork', '--mount', '--mount-proc', '--kill-child']
    probe = subprocess.run(command + ['true'], capture_output=True, text=True)
    if probe.returncode != 0:
        skip('this machine forbids user namespaces: ' + probe.stderr.strip())
    with tempfile.TemporaryDirectory(prefix='lab-', ignore_cleanup_errors=True) as folder:
        done = subprocess.run(command + [sys.executable] + sys.argv, env=os.environ | {'LAB_ISOLATED': '1', 'TMPDIR': folder})
    sys.exit(done.returncode)


def need(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        skip('not installed: ' + ', '.join(missing))


def program(name):
    return os.path.join(BIN, name)


def run(*command, input=None, check=True, timeout=DEADLINE):
    """Runs a client; its output, stripped. Fails with what it said."""
    done = subprocess.run([str(c) for c in command], input=input, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def until(condition, what):
    """Waits until `condition()` is true, looking again and again; fails when it never is."""
    end = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError('waited in vain: ' + what)
        time.sleep(0.01)


class Folder:
    """A temporary folder; `folder / 'name'` is a path in it, `write` fills a file."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='lab-test.')

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self / name), exist_ok=True)
        with open(self / name, 'w') as f:
            f.write(text)
        return self / name

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Daemon:
    """A program in the foreground that says READY=1 (sd_notify). Its standard error is kept in `log()`."""

    def __init__(self, name, *arguments, env=None):
        self.folder = tempfile.mkdtemp(prefix='lab-daemon.')
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.folder, 'notify'))
        self.notify.settimeout(0.05)
        self.output = open(os.path.join(self.folder, 'log'), 'w+')
        environment = os.environ | {'NOTIFY_SOCKET': os.path.join(self.folder, 'notify')} | (env or {})
        self.process = subprocess.Popen([program(name), *map(str, arguments)], stderr=self.output, stdout=self.output, env=environment)
        self.name = name
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise

    def wait_ready(self):
        end = time.monotonic() + DEADLINE
        while True:
            try:
                if b'READY=1' in self.notify.recv(4096):
                    return
            except TimeoutError:
                pass
            if self.process.poll() is not None:
                raise AssertionError(f'{self.name} ended with {self.process.returncode}:\n{self.log()}')
            if time.monotonic() > end:
                raise AssertionError(f'{self.name} did not become ready:\n{self.log()}')

    def log(self):
        with open(self.output.name) as f:
            return f.read()

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def equal(got, expected, what=''):
    if got != expected:
        raise AssertionError(f'{what or "value"}:\n  expected {expected!r}\n  got      {got!r}')


def contains(text, part, what=''):
    if part not in text:
        raise AssertionError(f'{what or "text"}: expected to find {part!r} in\n{text}')


def run_tests(names):
    """Runs every `test_…`, says which failed and why, exits accordingly. Arguments select by part of the name."""
    failed = 0
    for name, function in list(names.items()):
        if not name.startswith('test_') or not callable(function):
            continue
        if len(sys.argv) > 1 and not any(a in name for a in sys.argv[1:]):
            continue
        try:
            function()
            print('ok    ', name[5:].replace('_', ' '), flush=True)
        except Exception as error:
            failed += 1
            print('FAILED', name[5:].replace('_', ' '), flush=True)
            if isinstance(error, AssertionError):
                place = traceback.extract_tb(error.__traceback__)
                print(f'  {place[1].filename}:{place[1].lineno}' if len(place) > 1 else '', error, flush=True)
            else:
                traceback.print_exc()
    sys.exit(1 if failed else 0)
