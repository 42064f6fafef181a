import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Sends 0, 1, 2, ... to partition 0 of a topic, one at a time, until its standard input ends.
 *
 * <p>Prints a line of JSON for each outcome: {"number":7,"at":1700000000000} or {"number":7,"failed":"..."}.
 */
public class Producer {
  private static volatile boolean stopped;

  public static void main(String[] args) throws Exception {
    Thread input =
        new Thread(
            () -> {
              try {
                while (System.in.read() >= 0) {}
              } catch (java.io.IOException ignored) {
                // It is over, too.
              }
              stopped = true;
            });
    input.setDaemon(true);
    input.start();
    Properties options = new Properties();
    options.put("bootstrap.servers", args[0]);
    options.put("key.serializer", StringSerializer.class);
    options.put("value.serializer", StringSerializer.class);
    options.put("acks", "all");
    // With the default, 5 min, it goes back to its bootstrap servers only by chance: 20 to 48 s in half of the moves.
    options.put("metadata.recovery.rebootstrap.trigger.ms", "2000");
    options.put("delivery.timeout.ms", "300000");
    options.put("max.block.ms", "300000");
    KafkaProducer<String, String> producer = new KafkaProducer<>(options);
    for (int number = 0; !stopped; number++) {
      String value = "{\"producer\":0,\"sender\":0,\"number\":" + number + "}";
      try {
        producer.send(new ProducerRecord<>(args[1], 0, null, value)).get();
        System.out.println("{\"number\":" + number + ",\"at\":" + System.currentTimeMillis() + "}");
      } catch (ExecutionException failure) {
        String why = String.valueOf(failure.getCause()).replace("\\", "").replace("\"", "'");
        System.out.println("{\"number\":" + number + ",\"failed\":\"" + why + "\"}");
      }
      Thread.sleep(20);
    }
    System.exit(0);
  }
}
