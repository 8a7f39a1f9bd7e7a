import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.internals.Exit;

/**
 * Runs Kafka's tools one after the other in one JVM. A line of standard input is
 * {"class", "args", "stdin", "timeoutMs"}; a line of standard output answers with {"out", "err", "code"}.
 * A tool that leaves through Kafka's Exit is stopped where it stands, and what it would print after
 * that is not heard, as if the process had ended. Code -1: it did not end in time.
 */
public class Shell {
    static class Left extends Error {
        Left() { super("left", null, false, false); }
    }

    /** What one tool prints; deaf after the end. */
    static class Capture extends OutputStream {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private boolean deaf;

        @Override public synchronized void write(int b) { if (!deaf) bytes.write(b); }
        @Override public synchronized void write(byte[] b, int off, int len) { if (!deaf) bytes.write(b, off, len); }
        synchronized String end() {
            deaf = true;
            return bytes.toString(StandardCharsets.UTF_8);
        }
    }

    /** One run of one tool. */
    static class Run {
        final Capture out = new Capture();
        final Capture err = new Capture();
        final PrintStream outStream = new PrintStream(out, true, StandardCharsets.UTF_8);
        final PrintStream errStream = new PrintStream(err, true, StandardCharsets.UTF_8);
        final List<Runnable> hooks = new ArrayList<>();
        private Map<String, Object> answer;

        /** The first who calls decides. */
        synchronized void end(int code) {
            if (answer != null) return;
            for (Runnable hook : hooks) hook.run();
            outStream.flush();
            errStream.flush();
            answer = Map.of("out", out.end(), "err", err.end(), "code", code);
            notifyAll();
        }

        synchronized Map<String, Object> await(long ms) throws InterruptedException {
            long deadline = System.currentTimeMillis() + ms;
            while (answer == null) {
                long left = deadline - System.currentTimeMillis();
                if (left <= 0) end(-1);
                else wait(left);
            }
            return answer;
        }
    }

    /** Whose run a thread works for; threads that it starts inherit it. */
    static final InheritableThreadLocal<Run> mine = new InheritableThreadLocal<>();
    static volatile Run now;

    /** Ends the caller's own run, though the next may have begun. */
    static void leave(int code, String message) {
        Run run = mine.get() == null ? now : mine.get();
        run.end(code);
        throw new Left();
    }

    /** Gives a tool that has answered a while to unwind, so that it prints nothing into the next one's output. */
    static void unwind(Thread main) throws InterruptedException {
        main.join(1000);
        main.interrupt();
        main.join(4000);
    }

    static void call(Run run, String name, String[] args) {
        try {
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) args);
            run.end(0);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof Left) return;
            run.errStream.print("Exception in thread \"main\" ");
            e.getCause().printStackTrace(run.errStream);
            run.end(1);
        } catch (ReflectiveOperationException e) {
            e.printStackTrace(run.errStream);
            run.end(127);
        }
    }

    public static void main(String[] ignored) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        ObjectMapper json = new ObjectMapper();
        Exit.setExitProcedure(Shell::leave);
        Exit.setHaltProcedure(Shell::leave);
        Exit.setShutdownHookAdder((name, hook) -> now.hooks.add(hook));
        for (String line; (line = commands.readLine()) != null; ) {
            JsonNode c = json.readTree(line);
            List<String> args = new ArrayList<>();
            c.get("args").forEach(a -> args.add(a.textValue()));
            Run run = new Run();
            now = run;
            System.setIn(new ByteArrayInputStream(c.get("stdin").textValue().getBytes(StandardCharsets.UTF_8)));
            System.setOut(run.outStream);
            System.setErr(run.errStream);
            mine.set(run);
            Thread main = new Thread(() -> call(run, c.get("class").textValue(), args.toArray(new String[0])), "main");
            main.setDaemon(true);
            main.start();
            String answer = json.writeValueAsString(run.await(c.get("timeoutMs").longValue()));
            unwind(main);
            answers.println(answer);
        }
        Runtime.getRuntime().halt(0);
    }
}
