package org.apache.mesos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.mesos.Protos.*;

/**
 * Stands in for libmesos: what a framework says and hears goes over one socket to tests/clusters/mesos/master.py,
 * a JSON object a line each way. Only what Spark uses is there; anything else fails loudly.
 */
public class MesosSchedulerDriver implements SchedulerDriver {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double REFUSE_SECONDS = 5.0;

  private final Scheduler scheduler;
  private final FrameworkInfo framework;
  private final Credential credential;
  private final String master;
  private final CountDownLatch over = new CountDownLatch(1);
  private final List<ObjectNode> unsent = new ArrayList<>();
  private Socket socket;
  private boolean registered;
  private volatile Status end = Status.DRIVER_STOPPED;

  public MesosSchedulerDriver(Scheduler scheduler, FrameworkInfo framework, String master) {
    this(scheduler, framework, master, true, null);
  }

  public MesosSchedulerDriver(Scheduler scheduler, FrameworkInfo framework, String master, Credential credential) {
    this(scheduler, framework, master, true, credential);
  }

  public MesosSchedulerDriver(Scheduler scheduler, FrameworkInfo framework, String master, boolean implicit) {
    this(scheduler, framework, master, implicit, null);
  }

  public MesosSchedulerDriver(
      Scheduler scheduler, FrameworkInfo framework, String master, boolean implicit, Credential credential) {
    String library = System.getenv("MESOS_NATIVE_JAVA_LIBRARY");
    if (library == null || !new File(library).isFile()) {
      throw new UnsatisfiedLinkError("no mesos in java.library.path: MESOS_NATIVE_JAVA_LIBRARY is " + library);
    }
    if (!implicit) {
      throw new UnsupportedOperationException("explicit acknowledgements");
    }
    this.scheduler = scheduler;
    this.framework = framework;
    this.credential = credential;
    this.master = master;
  }

  // ---- life -------------------------------------------------------------------------------------------------------

  @Override
  public Status start() {
    Thread thread = new Thread(this::listen, "mesos-stand-in");
    thread.setDaemon(true);
    thread.start();
    return Status.DRIVER_RUNNING;
  }

  /**
   * As libmesos: a master that cannot be reached is tried again for ever, and nobody is told. One that is restarted under
   * the same address is not noticed at all without ZooKeeper: whoever was registered stays silent from then on.
   */
  private void listen() {
    while (over.getCount() > 0 && !registered) {
      try (Socket line = connect()) {
        BufferedReader reader =
            new BufferedReader(new InputStreamReader(line.getInputStream(), StandardCharsets.UTF_8));
        for (String text = reader.readLine(); text != null; text = reader.readLine()) {
          hear(JSON.readTree(text));
        }
      } catch (IOException nobodyThere) {
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private Socket connect() throws IOException {
    String address = master.substring(master.lastIndexOf('/') + 1);
    int colon = address.lastIndexOf(':');
    Socket line = new Socket(
        InetAddress.getByName(address.substring(0, colon)), Integer.parseInt(address.substring(colon + 1)));
    ObjectNode call = call("register")
        .put("name", framework.getName())
        .put("id", framework.hasId() ? framework.getId().getValue() : "")
        .put("failover_seconds", framework.getFailoverTimeout())
        .put("webui_url", framework.getWebuiUrl())
        .put("role", framework.hasRole() ? framework.getRole() : "*")
        .put("principal", credential == null ? framework.getPrincipal() : credential.getPrincipal())
        .put("secret", credential == null ? "" : credential.getSecret());
    line.getOutputStream().write("POST /stand-in HTTP/1.0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    synchronized (this) {
      socket = line;
      write(call);
      for (ObjectNode waiting : unsent) {
        write(waiting);
      }
      unsent.clear();
    }
    return line;
  }

  @Override
  public Status stop(boolean failover) {
    say(call("stop").put("failover", failover));
    over.countDown();
    synchronized (this) {
      if (socket != null) {
        try {
          socket.close();
        } catch (IOException alreadyClosed) {
          return Status.DRIVER_STOPPED;
        }
      }
    }
    return Status.DRIVER_STOPPED;
  }

  @Override
  public Status stop() {
    return stop(false);
  }

  @Override
  public Status abort() {
    end = Status.DRIVER_ABORTED;
    over.countDown();
    return end;
  }

  @Override
  public Status join() {
    try {
      over.await();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    return end;
  }

  @Override
  public Status run() {
    start();
    return join();
  }

  // ---- what is heard ----------------------------------------------------------------------------------------------

  private void hear(JsonNode event) {
    switch (event.get("event").asText()) {
      case "registered":
        hearRegistered(event);
        break;
      case "offers":
        List<Offer> offers = new ArrayList<>();
        event.get("offers").forEach(each -> offers.add(offer(each)));
        scheduler.resourceOffers(this, offers);
        break;
      case "status":
        scheduler.statusUpdate(this, status(event));
        break;
      case "error":
        abort(); // first: what hears of the error may throw
        scheduler.error(this, event.get("message").asText());
        break;
      default:
        throw new IllegalArgumentException(event.toString());
    }
  }

  private void hearRegistered(JsonNode event) {
    MasterInfo info = MasterInfo.newBuilder()
        .setId("stand-in").setIp(0x0100007f).setPort(event.get("port").asInt()).setHostname("127.0.0.1").build();
    if (registered) {
      scheduler.reregistered(this, info);
    } else {
      registered = true;
      scheduler.registered(this, FrameworkID.newBuilder().setValue(event.get("framework").asText()).build(), info);
    }
  }

  private Offer offer(JsonNode offer) {
    Offer.Builder builder = Offer.newBuilder()
        .setId(OfferID.newBuilder().setValue(offer.get("id").asText()))
        .setFrameworkId(FrameworkID.newBuilder().setValue(offer.get("framework").asText()))
        .setSlaveId(agent(offer))
        .setHostname("127.0.0.1")
        .addResources(scalar("cpus", offer.get("cpus").asDouble()))
        .addResources(scalar("mem", offer.get("mem").asDouble()));
    offer.get("attributes").fields().forEachRemaining(each -> builder.addAttributes(Attribute.newBuilder()
        .setName(each.getKey())
        .setType(Value.Type.TEXT)
        .setText(Value.Text.newBuilder().setValue(each.getValue().asText()))));
    return builder.build();
  }

  private static Resource scalar(String name, double value) {
    return Resource.newBuilder()
        .setName(name)
        .setType(Value.Type.SCALAR)
        .setScalar(Value.Scalar.newBuilder().setValue(value))
        .setRole("*")
        .build();
  }

  private static SlaveID agent(JsonNode node) {
    return SlaveID.newBuilder().setValue(node.get("agent").asText()).build();
  }

  private static TaskStatus status(JsonNode event) {
    TaskStatus.Builder builder = TaskStatus.newBuilder()
        .setTaskId(TaskID.newBuilder().setValue(event.get("task").asText()))
        .setState(TaskState.valueOf(event.get("state").asText()))
        .setSource(TaskStatus.Source.valueOf(event.get("source").asText()))
        .setSlaveId(agent(event))
        .setTimestamp(event.get("timestamp").asDouble());
    if (event.hasNonNull("message")) {
      builder.setMessage(event.get("message").asText());
    }
    if (event.hasNonNull("reason")) {
      builder.setReason(TaskStatus.Reason.valueOf(event.get("reason").asText()));
    }
    return builder.build();
  }

  // ---- what is said -----------------------------------------------------------------------------------------------

  private static ObjectNode call(String name) {
    return JSON.createObjectNode().put("call", name);
  }

  /** What is said before there is a line goes over it first, after the registration. */
  private synchronized Status say(ObjectNode call) {
    try {
      if (socket == null) {
        unsent.add(call);
      } else {
        write(call);
      }
    } catch (IOException lost) {
      return Status.DRIVER_RUNNING;
    }
    return Status.DRIVER_RUNNING;
  }

  private void write(ObjectNode call) throws IOException {
    OutputStream out = socket.getOutputStream();
    out.write((JSON.writeValueAsString(call) + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  @Override
  public Status launchTasks(Collection<OfferID> offers, Collection<TaskInfo> tasks, Filters filters) {
    ObjectNode call = call("launch");
    ArrayNode ids = call.putArray("offers");
    offers.forEach(offer -> ids.add(offer.getValue()));
    ArrayNode list = call.putArray("tasks");
    tasks.forEach(task -> list.add(task(task)));
    return say(call);
  }

  private static ObjectNode task(TaskInfo task) {
    if (!task.hasCommand()) {
      throw new UnsupportedOperationException("a task with an executor of its own (fine-grained mode)");
    }
    CommandInfo command = task.getCommand();
    ObjectNode node = JSON.createObjectNode()
        .put("id", task.getTaskId().getValue())
        .put("name", task.getName())
        .put("agent", task.getSlaveId().getValue())
        .put("command", command.getValue())
        .put("image", task.getContainer().getDocker().getImage() + task.getContainer().getMesos().getImage()
            .getDocker().getName());
    ObjectNode environment = node.putObject("env");
    for (Environment.Variable variable : command.getEnvironment().getVariablesList()) {
      boolean secret = variable.getType() == Environment.Variable.Type.SECRET;
      environment.put(variable.getName(),
          secret ? variable.getSecret().getValue().getData().toStringUtf8() : variable.getValue());
    }
    ArrayNode uris = node.putArray("uris");
    command.getUrisList().forEach(uri -> uris.add(uri.getValue()));
    for (Resource resource : task.getResourcesList()) {
      node.put(resource.getName(), node.path(resource.getName()).asDouble() + resource.getScalar().getValue());
    }
    return node;
  }

  @Override
  public Status launchTasks(Collection<OfferID> offers, Collection<TaskInfo> tasks) {
    return launchTasks(offers, tasks, null);
  }

  @Override
  public Status launchTasks(OfferID offer, Collection<TaskInfo> tasks, Filters filters) {
    return launchTasks(Collections.singleton(offer), tasks, filters);
  }

  @Override
  public Status launchTasks(OfferID offer, Collection<TaskInfo> tasks) {
    return launchTasks(Collections.singleton(offer), tasks, null);
  }

  @Override
  public Status killTask(TaskID task) {
    return say(call("kill").put("task", task.getValue()));
  }

  @Override
  public Status declineOffer(OfferID offer, Filters filters) {
    double seconds = filters == null ? REFUSE_SECONDS : filters.getRefuseSeconds();
    return say(call("decline").put("offer", offer.getValue()).put("seconds", seconds));
  }

  @Override
  public Status declineOffer(OfferID offer) {
    return declineOffer(offer, null);
  }

  @Override
  public Status reviveOffers() {
    return say(call("revive"));
  }

  @Override
  public Status suppressOffers() {
    return say(call("suppress"));
  }

  @Override
  public Status reconcileTasks(Collection<TaskStatus> tasks) {
    ArrayNode list = JSON.createArrayNode();
    tasks.forEach(task -> list.add(task.getTaskId().getValue()));
    ObjectNode call = call("reconcile");
    call.set("tasks", list);
    return say(call);
  }

  @Override
  public Status acknowledgeStatusUpdate(TaskStatus status) {
    return Status.DRIVER_RUNNING;
  }

  @Override
  public Status acceptOffers(Collection<OfferID> offers, Collection<Offer.Operation> operations, Filters filters) {
    throw new UnsupportedOperationException("acceptOffers");
  }

  @Override
  public Status requestResources(Collection<Request> requests) {
    throw new UnsupportedOperationException("requestResources");
  }

  @Override
  public Status sendFrameworkMessage(ExecutorID executor, SlaveID agent, byte[] data) {
    throw new UnsupportedOperationException("sendFrameworkMessage");
  }
}
