# Laptops that sleep most of the time: no run of the gate meets all of them at night, so a run that meets one sets a timer on it. A timer that comes too late, since the
# lid was closed, does nothing, and the next run sets another one. One that does not answer is asleep, which is no failure of a scheduled run; a deploy that does not reach
# it still says so.
let
  laptop = {
    deploy = true;
    group = "laptops";
  };
in
{
  hosts = {
    ada = laptop;
    grace = laptop;
    # Their owner reboots it: the gate only says for how long it has been pending.
    linus = laptop // {
      reboot = {
        windows = "never";
        mayBeOffline = true;
      };
    };
  };
  groups.laptops = {
    maxUnavailable = "100%";
    order = 900;
    reboot = {
      trigger = "timer";
      windows = [
        {
          from = "12:15";
          to = "13:15";
          zone = "Europe/Berlin";
        }
        {
          from = "19:00";
          to = "07:00";
          zone = "Europe/Berlin";
        }
      ];
      notWhileLoggedIn = true;
      staggerSeconds = 0;
      mayBeOffline = true;
      overdueHours = 720;
    };
  };
}
